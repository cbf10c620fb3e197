"""The files of data sets as they were published: names, sizes, checksums; and reading a folder that has MNIST's."""

from __future__ import annotations

import gzip
import hashlib
import os
import pickle
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import Literal

from course.errors import DataError

Split = Literal["train", "test"]
SPLITS: tuple[Split, Split] = ("train", "test")

# name -> size in bytes and SHA-256 of the uncompressed file
FILES = {
    "train-images-idx3-ubyte": (47_040_016, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
    "train-labels-idx1-ubyte": (60_008, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    "t10k-images-idx3-ubyte": (7_840_016, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
    "t10k-labels-idx1-ubyte": (10_008, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
}
IMAGES: dict[Split, str] = {"train": "train-images-idx3-ubyte", "test": "t10k-images-idx3-ubyte"}
LABELS: dict[Split, str] = {"train": "train-labels-idx1-ubyte", "test": "t10k-labels-idx1-ubyte"}

# MD5 of the files of other data sets, which are packed, as torchvision has them
PACKED = {
    "fashion_mnist": {
        "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
        "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
    },
    "kmnist": {
        "train-images-idx3-ubyte.gz": "bdb82020997e1d708af4cf47b453dcf7",
        "train-labels-idx1-ubyte.gz": "e144d726b3acfaa3e44228e80efcd344",
        "t10k-images-idx3-ubyte.gz": "5c965bf0a639b31b8f53240b1b52f4d7",
        "t10k-labels-idx1-ubyte.gz": "7320c461ea6c1c855c0b718fb2a4b134",
    },
}


def root_variable(name: str) -> str:
    """The environment variable that names a folder with a published data set: MNIST_ROOT, KMNIST_ROOT, ..."""
    return f"{name.upper()}_ROOT"


# what reading a damaged or foreign file can raise
READ_ERRORS = (OSError, EOFError, ValueError, zlib.error, tarfile.TarError, zipfile.BadZipFile, pickle.UnpicklingError)


def verify(name: str, content: bytes) -> bytes:
    """Return `content` if it is what was published under `name`. Raises DataError."""
    size, published_sha256 = FILES[name]
    if len(content) != size:
        amount = f"more than {size:,}" if len(content) > size else f"{len(content):,}"
        raise DataError(f"{name} has {amount} bytes uncompressed, and {size:,} were published: it is damaged.")
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != published_sha256:
        raise DataError(
            f"{name} has the SHA-256 {sha256[:16]}..., and {published_sha256[:16]}... was published: it is damaged or "
            f"not MNIST."
        )
    return content


def read_verified(path: Path) -> bytes:
    """The uncompressed content of one of the files, raw or .gz. Raises DataError."""
    name = path.name.removesuffix(".gz")
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
            content: bytes = file.read(FILES[name][0] + 1)  # one byte too many shows that a file is too long
    except READ_ERRORS as error:
        raise DataError(f"{path.name} cannot be read: {error}.") from None
    return verify(name, content)


def find_files(folder: Path) -> dict[str, Path]:
    """name -> path of the four files in `folder`, raw or .gz, or in torchvision's folders below it.

    Raises DataError, with the first that is missing.
    """
    paths = {}
    for name in FILES:
        candidates = [folder / below / (name + suffix) for suffix in ("", ".gz") for below in ("", "MNIST/raw")]
        path = next((path for path in candidates if os.path.isfile(path)), None)
        if path is None:
            raise DataError(f"{name} is missing.")
        paths[name] = path
    return paths


def read_folder(folder: Path) -> dict[str, bytes]:
    """name -> uncompressed content of the four files in `folder`. Raises DataError."""
    return {name: read_verified(path) for name, path in find_files(folder).items()}
