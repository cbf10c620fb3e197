"""What was handed in is read from plain files alone. Links are never followed; pipes, devices and sockets never opened.

A link leads to whatever its author wrote into it: a teacher's notes, the course's secret, a solution. It arrives with a
checkout or an archive, and whoever follows it, as nbgrader does, puts the target into a student's feedback.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from autograder.console import printable
from course.errors import StudentCodeError

NBGRADER_FOLDERS = ("submitted", "autograded")
_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}


class NotPlainFile(StudentCodeError):
    """Something that was handed in is a link, a pipe, a device or a socket."""


def open_plain(path: Path) -> BinaryIO:
    """Open a file that was handed in, for reading. Raises NotPlainFile, OSError."""
    if what := describe_special(path):
        raise NotPlainFile(f"{printable(path.name, 200)} is {what}. Hand in the file itself.")
    # again at the moment of opening: neither follow a link nor wait for somebody to write to a pipe
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    file = os.fdopen(os.open(path, flags), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise NotPlainFile(f"{printable(path.name, 200)} is no plain file any more. Hand in the file itself.")
    return file


def describe_special(path: Path) -> str:
    """What is at `path` if it is no plain file of the hand-in, such as "a named pipe"; else empty. Raises OSError.

    In nbgrader's layout the folders of student and assignment are a part of the hand-in, and may be no links either.
    """
    whole = hand_in_folder(path)
    if folder := linked_folder(path, whole):
        return f"in the folder {printable(folder.name, 200)}, which is {_describe_link(folder)}"
    if path.is_symlink():
        return _describe_link(path)
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        return _KINDS.get(stat.S_IFMT(found.st_mode), "no plain file")
    if found.st_nlink > _names_inside(found, whole or path.parent, alone=whole is None):
        return "a file with another name outside of its folder (a hard link), and so not its author's alone"
    return ""


def linked_folder(path: Path, whole: Path | None) -> Path | None:
    """The folder of a hand-in, among those on the way to `path`, that is a link."""
    if whole is None:
        return None
    parents = path.absolute().parents
    inside = (whole.parent, whole, *parents[: parents.index(whole)])
    return next((folder for folder in inside if folder.is_symlink()), None)


def hand_in_folder(path: Path) -> Path | None:
    """Of a file in nbgrader's layout, submitted/<student>/<assignment>/...: the folder of the assignment."""
    parents = path.absolute().parents
    for whole, _, step in zip(parents, parents[1:], parents[2:], strict=False):
        if step.name in NBGRADER_FOLDERS:
            return whole
    return None


def _describe_link(path: Path) -> str:
    return f"a symbolic link to {printable(os.fsdecode(os.readlink(path)), 200)!r}, which is not followed"


def _names_inside(found: os.stat_result, folder: Path, *, alone: bool) -> int:
    """How many names of a file are known to be in its own hand-in; one where files of other students are beside it."""
    if alone or found.st_nlink == 1:
        return 1
    same = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            other = os.lstat(os.path.join(parent, name))
            same += (other.st_dev, other.st_ino) == (found.st_dev, found.st_ino)
    return same
