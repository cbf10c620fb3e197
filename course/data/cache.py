"""Published data sets in folders of this user, downloaded on first use.

    folder = ensure()                       # the folder that has MNIST's four raw IDX files
    files = ensure_packed("kmnist")         # the files of another one, packed as they were published

The folders that are searched are MNIST_ROOT (KMNIST_ROOT, FASHION_MNIST_ROOT) and then the data folder, also in
torchvision's layout; for MNIST raw files or .gz. What is in neither comes from `course.data.sources`. A stored file is
complete or absent.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout
from platformdirs import user_cache_path

from course.data import published_files, sources
from course.data.data_files import DataFiles
from course.errors import DataError
from course.files import write_atomically
from course.rules import DATA_SETS


def data_folder() -> Path:
    """The folder that MNIST is stored in; those of other data sets are beside it. It need not exist."""
    return user_cache_path("under8k") / "mnist"


def is_available(root: Path | None = None) -> bool:
    """Whether MNIST can be read without downloading it. Never writes anything."""
    for folder in _search_folders(root):
        with suppress(DataError):
            published_files.read_folder(folder)
            return True
    return False


def ensure(root: Path | None = None, *, progress: bool = True, download: bool = True) -> Path:
    """Make sure that the four raw files exist, and return the folder that has them.

    `root` is searched and filled instead of MNIST_ROOT and the data folder; MNIST_ROOT is only ever read.
    `progress` shows a bar per download. Every file is verified on every call. Raises DataError.
    """
    return _find_or_store(root, progress, download).folder


def ensure_packed(name: str, *, progress: bool = True, download: bool = True) -> DataFiles:
    """As `ensure`, for the data set `name` of `published_files.PACKED`. Raises DataError."""
    checksums = published_files.PACKED[name]
    below = Path(sources.torchvision_class(name), "raw")  # in torchvision's layout
    places = _search_folders(None, name)
    failures: list[str] = []
    if found := _first_whole([folder / part for folder in places for part in ("", below)], checksums, failures):
        return found
    if not download:
        raise sources.not_available(name, failures)
    target = places[-1]
    with _exclusively(target, name):
        if found := _first_whole([target], checksums, []):  # another process may have stored it in the meantime
            return found
        _store(target, sources.fetch(name, failures, progress))
    return DataFiles(target, checksums)


def _first_whole(folders: list[Path], checksums: dict[str, str], failures: list[str]) -> DataFiles | None:
    """The files in the first folder that has them all; for each one before it a line is added to `failures`."""
    for folder in folders:
        try:
            files = DataFiles(folder, checksums)
            files.check()
        except DataError as error:
            failures.append(f"the folder {folder}: {error}")
        else:
            return files
    return None


class StoredFiles(NamedTuple):
    content: dict[str, bytes]  # uncompressed, by name
    folder: Path  # has all four uncompressed


def _find_or_store(root: Path | None, progress: bool, download: bool) -> StoredFiles:
    failures: list[str] = []
    compressed: dict[str, bytes] | None = None
    for folder in _search_folders(root):
        try:
            content, raw_folder = _read(folder)
        except DataError as error:
            failures.append(f"the folder {folder}: {error}")
            continue
        if raw_folder is not None:
            return StoredFiles(content, raw_folder)
        compressed = compressed or content
    if not compressed and not download:
        raise sources.not_available("mnist", failures)

    target = _search_folders(root)[-1]
    with _exclusively(target):
        with suppress(DataError):  # another process may have stored it in the meantime
            content, raw_folder = _read(target)
            if raw_folder is not None:
                return StoredFiles(content, raw_folder)
        content = compressed or sources.fetch("mnist", failures, progress)
        _store(target, content)
    return StoredFiles(content, target)


def _store(target: Path, content: dict[str, bytes]) -> None:
    for name in content:
        for leftover in target.glob(f".{name}.*"):  # of a process that was killed: this one holds the lock
            leftover.unlink()
        write_atomically(target / name, content[name])


def _read(folder: Path) -> tuple[dict[str, bytes], Path | None]:
    """The files in `folder`, and the folder that has all four uncompressed, if there is one. Raises DataError."""
    paths = published_files.find_files(folder)
    content = {name: published_files.read_verified(path) for name, path in paths.items()}
    raw_folders = {path.parent if path.suffix != ".gz" else None for path in paths.values()}
    return content, raw_folders.pop() if len(raw_folders) == 1 else None


def _search_folders(root: Path | None, name: str = "mnist") -> list[Path]:
    if root is not None:
        return [Path(root)]
    stored = data_folder() if name == "mnist" else data_folder().with_name(name)
    chosen = os.environ.get(published_files.root_variable(name))
    return [Path(chosen).expanduser(), stored] if chosen else [stored]


@contextmanager
def _exclusively(folder: Path, name: str = "mnist") -> Iterator[None]:
    """Be the only process that stores into `folder`. A write that fails raises DataError."""
    lock = FileLock(folder / ".lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            print(f"Another process is putting {DATA_SETS[name]} into {folder}: waiting for it.", file=sys.stderr)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()
    except OSError as error:
        raise DataError(
            f"{DATA_SETS[name]} could not be stored in {folder}: {error.strerror or error}. It takes up to 55 MB "
            f"there: make room, or set {published_files.root_variable(name)} to a folder that holds the four files "
            "already."
        ) from None
