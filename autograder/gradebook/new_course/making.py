"""Making a course in a folder, and bringing it up to date: what is there is never overwritten unless it is ours."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from autograder.console import printable
from autograder.gradebook.new_course.differences import CourseFile, compare
from autograder.gradebook.new_course.lessons import lesson_names
from autograder.gradebook.new_course.packaged import course_id_of, packaged_files
from autograder.gradebook.new_course.releasing import release_with_gradebook, released_lessons
from autograder.gradebook.new_course.written import RECORD, WrittenFiles, digest, read_record, write_record
from autograder.gradebook.settings import CONFIG, load_config
from autograder.store import STORE_VARIABLE
from autograder.store.engine import default_file
from autograder.store.secret import PRIVATE, user_secret_file
from course import __version__
from course.errors import CourseError, GraderError, UsageError
from course.files import write_atomically
from course.rules import PACKAGED

Say = Callable[[str], None]
HARMLESS = ("readme", "license", "licence")  # a fresh repository has these, and hidden files


def make_course(folder: Path, say: Say, *, update: bool = False) -> None:
    """Make the folder a course of nbgrader's, or tell how this version's files differ from those of a course.

    Missing files are written, lessons released and entered into the gradebook. With `update`, files that are as an
    earlier version wrote them are replaced; files that were edited never are. In a clone of the project, whose files
    are fixed, the lessons are released. Raises UsageError for a folder with other things, GraderError.
    """
    root = folder.expanduser().absolute()
    if (root / "autograder" / "gradebook" / "new_course").is_dir():  # a clone
        release_lessons(root, lesson_names(root), say)
        return
    _refuse_other_things(root)
    had_no_limits = (root / CONFIG).is_file() and not (root / PACKAGED.name).is_file()
    try:
        files = _Files(root, say, update)
        changed, ours = files.write(), files.lessons
    except OSError as error:
        raise GraderError(
            f"The course in {root} cannot be written ({error.strerror or error}). Make the folder writable, or make "
            "room on its disk, and start again: what is finished is kept."
        ) from None
    if had_no_limits and (root / PACKAGED.name).is_file():
        _tell_earlier_results(root, say)
    names, released = lesson_names(root), released_lessons(root)
    due = {name for name in names if name in ours and name not in released}
    lessons = {Path(file.path).parts[1]: file for file in changed if file.path.startswith("source/")}
    due |= lessons.keys() | (released if PACKAGED.name in {file.path for file in changed} else set())
    problems = [_release(root, name, lessons.get(name), say) for name in names if name in due]
    for problem in filter(None, problems):
        raise problem
    say(f"{root} is a course of nbgrader's, with the files of version {__version__}. Its README.md says how to grade.")


def release_lessons(root: Path, names: Iterable[str], say: Say) -> None:
    """Release lessons and enter them into the gradebook; grades stay. Raises GraderError, UsageError."""
    for name in names:
        release_with_gradebook(root, name)
        say(f"{name}: released and entered into the gradebook")


def _refuse_other_things(root: Path) -> None:
    if root.exists() and not root.is_dir():
        raise UsageError(f"{printable(str(root))} is a file. Name a new or an empty folder.")
    if not root.exists() or (root / RECORD).exists() or (root / CONFIG).exists():
        return
    names = sorted(path.name for path in root.iterdir())
    others = [name for name in names if name[0] != "." and Path(name).stem.lower() not in HARMLESS]
    if others:
        shown = ", ".join(printable(name, 60) for name in others[:3]) + ", ..." * (len(others) > 3)
        raise UsageError(
            f"{printable(str(root))} holds other things ({shown}) and is no course of nbgrader's. Name a new or an "
            "empty folder."
        )


def _tell_earlier_results(root: Path, say: Say) -> None:
    """With limits of its own a course has its own store and secret: say where what was graded until now is."""
    earlier, now = default_file(None), default_file(root)
    is_named = os.environ.get(STORE_VARIABLE) or load_config(root).TrainedScore.get("store")
    if is_named or now.exists() or not earlier.exists():
        return
    secret = root / PRIVATE / "secret"
    copy = f"{shlex.join(['cp', str(earlier), str(now)])} && {shlex.join(['cp', str(user_secret_file()), str(secret)])}"
    say(
        f"With limits of its own, this course keeps its results in {now}. Those from before are in {earlier}. To keep "
        f"them, copy them with their secret before anything is graded: {copy}"
    )


def _release(root: Path, name: str, changed: CourseFile | None, say: Say) -> CourseError | None:
    """Release a lesson. What nbgrader refuses is the problem that is returned, and the lesson is as it was before."""
    try:
        release_lessons(root, [name], say)
    except CourseError as error:
        if changed is not None and changed.found is not None:
            _put(root, changed.path, changed.found)
        return error
    return None


def _put(root: Path, path: str, content: bytes) -> None:
    """Write a file of the course, and into the record that it is ours."""
    record = read_record(root)
    assert record is not None  # written before the first file
    write_record(root, replace(record, files={**record.files, path: digest(content)}))
    write_atomically(root / path, content)


class _Files:
    """The files of a course beside those of this version."""

    def __init__(self, root: Path, say: Say, update: bool):
        self._root, self._say = root, say
        self._record = read_record(root) or WrittenFiles(__version__, course_id_of(root))
        self._files = compare(root, packaged_files(self._record.course_id), self._record)
        self._update, self._may_add = update, update or self._record.version == __version__

    def write(self) -> list[CourseFile]:
        """Write what may be written, and tell the rest. Returns the files that were there and are replaced, or new."""
        write_record(self._root, replace(self._record, version=__version__) if self._may_add else self._record)
        return [file for file in self._files if self._treat(file)]

    @property
    def lessons(self) -> set[str]:
        return {Path(file.path).parts[1] for file in self._files if file.path.startswith("source/")}

    def _treat(self, file: CourseFile) -> bool:
        match file.state:
            case "same":
                if not self._is_recorded(file):
                    _put(self._root, file.path, file.packaged)
            case "deleted":
                self._say(f"{file.path}: you have deleted it, so it stays away")
            case "edited":
                self._say(f"{file.path}: your own, kept")
            case "missing" if self._may_add or not file.path.startswith("source/"):
                _put(self._root, file.path, file.packaged)
                self._say(f"{file.path}: written")
                return file.path.startswith("source/")
            case "outdated" if self._update:
                self._say(f"{file.path}: brought up to date\n{file.diff()}")
                _put(self._root, file.path, file.packaged)
                return True
            case "conflict":
                self._say(f"{file.path}: your own, kept; version {__version__} has another one. {self._offer(file)}")
            case _:
                what = "a new lesson" if file.state == "missing" else "a newer one"
                self._say(f"{file.path}: version {__version__} has {what}. {self._offer(file)}")
        return False

    def _is_recorded(self, file: CourseFile) -> bool:
        return self._record.has(file.path, file.packaged)

    def _offer(self, file: CourseFile) -> str:
        if self._update:
            return f"What would change, to take over by hand:\n{file.diff()}"
        return f"`autograder init --update {self._root}` shows it"
