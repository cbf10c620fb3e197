"""What lies in a folder of hand-ins beside the submissions: nothing is left out without a word."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from autograder.console import printable
from autograder.grading.attempts import TIMESTAMP
from autograder.grading.plain_files import describe_special
from autograder.grading.read_submission import SUFFIXES

RESOURCE_FORK = "._"  # with which a Mac begins the name of the second file that it writes for each
# what programs leave: Macs, Windows, Jupyter, Python, git and this program's own store
_BY_PRODUCTS = {"__MACOSX", "__pycache__", "Thumbs.db", "desktop.ini", TIMESTAMP}
_OWN_SUFFIXES = (".db", ".db-wal", ".db-shm", ".db-journal", ".lock", ".log", ".csv", ".toml", ".md")
_ARCHIVES = (".zip", ".gz", ".tgz", ".tar", ".bz2", ".xz", ".7z", ".rar")
MAX_NAMED = 5


@dataclass
class Leftovers:
    """Sentences about what was left out. `missing` may be somebody's work, and `by_products` are nobody's."""

    missing: list[str] = field(default_factory=list)
    by_products: list[Path] = field(default_factory=list)

    def miss(self, path: Path, why: str) -> None:
        self.missing.append(f"{printable(str(path))} is left out: {why}")

    def notes(self) -> list[str]:
        names = [printable(str(path), 200) for path in self.by_products]
        more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
        what = (
            f"Left out, since programs make such files and nobody hands them in: {', '.join(names[:MAX_NAMED])}{more}."
        )
        return [*self.missing, *([what] if names else [])]


def is_by_product(path: Path) -> bool:
    """Whether a program has made it beside what a person made: a resource fork, a checkpoint, a hidden file."""
    return path.name.startswith(".") or path.name in _BY_PRODUCTS


def has_submission_suffix(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES


def submission_files(folder: Path, leftovers: Leftovers, *, each_is_one: bool) -> list[Path]:
    """The files in `folder` that can be submissions, sorted; all else goes to `leftovers`.

    `each_is_one`: every file is somebody's hand-in. Otherwise they are one together: files beside a notebook belong to
    it and are not mentioned.
    """
    entries = _entries(folder, leftovers)
    files = []
    for path in entries:
        if path.name == TIMESTAMP and not each_is_one:
            continue  # nbgrader's, and read with the submission
        if is_by_product(path):
            _leave_by_product(path, entries, leftovers)
        elif has_submission_suffix(path) and not _is_folder(path):
            files.append(path)
        elif each_is_one:
            _leave(path, leftovers)
    if not files and not each_is_one and os.access(folder, os.R_OK | os.X_OK):
        leftovers.miss(folder, _why_empty(folder, entries))
    return files


def folders_in(folder: Path, leftovers: Leftovers) -> list[Path]:
    """The folders of students or assignments in `folder`, sorted; links and files go to `leftovers`."""
    folders = []
    for path in _entries(folder, leftovers):
        if is_by_product(path):
            leftovers.by_products.append(path)
        elif path.is_dir() and not path.is_symlink():
            folders.append(path)
        elif path.is_symlink():
            leftovers.miss(path, f"it is {describe_special(path)}. Put the files themselves there.")
        else:
            _leave(path, leftovers, "it lies outside of a folder submitted/<student>/<assignment>.")
    return folders


def _entries(folder: Path, leftovers: Leftovers) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        leftovers.miss(folder, f"it cannot be read ({error.strerror}).")
        return []


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _leave_by_product(path: Path, entries: Iterable[Path], leftovers: Leftovers) -> None:
    """A resource fork whose own file is not there may be all that arrived of somebody's work."""
    original = path.name.removeprefix(RESOURCE_FORK)
    if path.name != original and has_submission_suffix(path) and original not in {other.name for other in entries}:
        leftovers.miss(path, f"it is what a Mac writes beside {original!r}, and that file is not here. Ask for it.")
    else:
        leftovers.by_products.append(path)


def _leave(path: Path, leftovers: Leftovers, why: str = "") -> None:
    suffix = path.suffix.lower()
    if path.is_symlink():
        leftovers.miss(path, f"it is {describe_special(path)}. Put the file itself there.")
    elif path.is_dir():
        if inside := _notebooks_below(path):
            leftovers.miss(path, f"it is a folder, and these are not searched. It holds {inside}.")
        else:
            leftovers.by_products.append(path)
    elif suffix in _ARCHIVES:
        leftovers.miss(path, "it is an archive. Unpack it, and start again.")
    elif suffix in _OWN_SUFFIXES and not why:
        leftovers.by_products.append(path)
    else:
        leftovers.miss(path, why or "it is neither a notebook (.ipynb) nor a Python file (.py).")


def _notebooks_below(folder: Path) -> str:
    """The first notebooks in a folder and its folders, as text; empty if there is none. Links are not followed."""
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not is_by_product(Path(name)))
        paths = (Path(parent, name) for name in sorted(names))
        found += [path for path in paths if has_submission_suffix(path) and not is_by_product(path)]
        if len(found) > MAX_NAMED:
            break
    return ", ".join(printable(str(path.relative_to(folder)), 200) for path in found[:MAX_NAMED])


def _why_empty(folder: Path, entries: list[Path]) -> str:
    names = [printable(path.name, 200) for path in entries if not is_by_product(path)][:MAX_NAMED]
    why = "it holds no notebook (.ipynb) and no Python file (.py)"
    if inside := _notebooks_below(folder):
        return f"{why}, but its folders do: {inside}. Move them up."
    return f"{why}. There is: {', '.join(names)}." if names else f"{why}: it is empty."
