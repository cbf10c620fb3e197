"""Hand-ins that are no plain files: what students' checkouts and archives may bring."""

import os
from pathlib import Path

# kind -> what a message calls it
SPECIAL = {
    "symbolic link": "a symbolic link to ",
    "dangling link": "a symbolic link to '/nowhere/at/all'",
    "endless device": "a symbolic link to '/dev/zero'",
    "hard link": "a hard link",
    "named pipe": "a named pipe",
}


def make_special(path: Path, kind: str, target: Path) -> None:
    """Make what only looks like a file at `path`; where it leads somewhere, to `target`."""
    if kind == "symbolic link":
        path.symlink_to(os.path.relpath(target, path.parent))
    elif kind == "dangling link":
        path.symlink_to("/nowhere/at/all")
    elif kind == "endless device":
        path.symlink_to("/dev/zero")
    elif kind == "hard link":
        os.link(target, path)
    else:
        os.mkfifo(path)
