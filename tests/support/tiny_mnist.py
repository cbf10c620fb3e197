"""MNIST of three digits, and folders and sources that have it."""

import gzip
import sys
from pathlib import Path

from course.data.sources import Source

TINY = {
    "train-images-idx3-ubyte": bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 28, 0, 0, 0, 28]) + bytes(range(196)) * 8,
    "train-labels-idx1-ubyte": bytes([0, 0, 8, 1, 0, 0, 0, 2, 5, 0]),
    "t10k-images-idx3-ubyte": bytes([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 28, 0, 0, 0, 28]) + bytes(784),
    "t10k-labels-idx1-ubyte": bytes([0, 0, 8, 1, 0, 0, 0, 1, 7]),
}


def fill(folder: Path, files=TINY, pack=False) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        if pack:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content, compresslevel=1))
        else:
            (folder / name).write_bytes(content)
    return folder


def fake_source(name="a source", script="", read=lambda folder: TINY) -> Source:
    return Source(name, 1000, (sys.executable, "-c", script), read)


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {".lock"}
