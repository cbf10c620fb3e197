"""MNIST in a folder of this user, downloaded on first use, and read as tensors.

    mnist = load()                          # Digits for training and for testing
    folder = ensure()                       # the folder that has the four raw IDX files
    images = read_images("test", folder)    # one file; no other is opened

The folders that are searched are MNIST_ROOT and then the data folder, for raw files or .gz, also in torchvision's
layout. What is in neither comes from `course.data.sources`. A stored file is complete or absent.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from filelock import FileLock, Timeout
from platformdirs import user_cache_path

from course.data import idx, published_files, sources
from course.data.published_files import IMAGES, LABELS, Split
from course.errors import DataError
from course.files import write_atomically

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class Digits:
    """`images` (N, 28, 28) uint8, 0 is background and 255 is ink; `labels` (N,) int64, 0..9."""

    images: torch.Tensor
    labels: torch.Tensor


@dataclass(frozen=True, eq=False)
class MNIST:
    """60,000 digits to train on and 10,000 to test on."""

    train: Digits
    test: Digits


def load(root: Path | None = None, *, download: bool = True) -> MNIST:
    """Read MNIST. If it is missing, it is downloaded first, unless `download` is False. Raises DataError."""
    files = _find_or_store(root, progress=True, download=download).content

    def digits(split: Split) -> Digits:
        return Digits(idx.decode(files[IMAGES[split]]), idx.decode(files[LABELS[split]]).long())

    return MNIST(train=digits("train"), test=digits("test"))


def read_images(split: Split, folder: Path) -> torch.Tensor:
    """Read (N, 28, 28) uint8 from the raw file of that split in `folder`. Raises DataError."""
    return idx.decode(published_files.read_verified(folder / IMAGES[split]))


def read_labels(split: Split, folder: Path) -> torch.Tensor:
    """Read (N,) int64 from the raw file of that split in `folder`. Raises DataError."""
    return idx.decode(published_files.read_verified(folder / LABELS[split])).long()


def data_folder() -> Path:
    """The folder that downloaded files are stored in. It need not exist."""
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
        raise sources.not_available(failures)

    target = _search_folders(root)[-1]
    with _exclusively(target):
        with suppress(DataError):  # another process may have stored it in the meantime
            content, raw_folder = _read(target)
            if raw_folder is not None:
                return StoredFiles(content, raw_folder)
        content = compressed or sources.fetch(failures, progress)
        for name in content:
            for leftover in target.glob(f".{name}.*"):  # of a process that was killed: this one holds the lock
                leftover.unlink()
            write_atomically(target / name, content[name])
    return StoredFiles(content, target)


def _read(folder: Path) -> tuple[dict[str, bytes], Path | None]:
    """The files in `folder`, and the folder that has all four uncompressed, if there is one. Raises DataError."""
    paths = published_files.find_files(folder)
    content = {name: published_files.read_verified(path) for name, path in paths.items()}
    raw_folders = {path.parent if path.suffix != ".gz" else None for path in paths.values()}
    return content, raw_folders.pop() if len(raw_folders) == 1 else None


def _search_folders(root: Path | None) -> list[Path]:
    if root is not None:
        return [Path(root)]
    mnist_root = os.environ.get("MNIST_ROOT")
    return [Path(mnist_root).expanduser(), data_folder()] if mnist_root else [data_folder()]


@contextmanager
def _exclusively(folder: Path) -> Iterator[None]:
    """Be the only process that stores into `folder`. A write that fails raises DataError."""
    lock = FileLock(folder / ".lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            print(f"Another process is putting MNIST into {folder}: waiting for it.", file=sys.stderr)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()
    except OSError as error:
        raise DataError(
            f"MNIST could not be stored in {folder}: {error.strerror or error}. It takes 55 MB there: make room, "
            "or set MNIST_ROOT to a folder that holds the four files already."
        ) from None
