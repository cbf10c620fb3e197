"""The four IDX files of a data set in a folder, read only if they are what their checksums say.

Images of 28 x 28 pixels with one channel, ten classes; the numbers of images may be any.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from course.data import idx
from course.data.published_files import IMAGES, LABELS, Split
from course.errors import DataError

if TYPE_CHECKING:
    import torch

CHECKSUMS = "SHA256SUMS"  # in a folder of a course's own: what `sha256sum` prints of its files
MAX_IMAGES = 100_000  # in a file
CLASSES = 10
NAMES = (*IMAGES.values(), *LABELS.values())
_READ_ERRORS = (OSError, EOFError, zlib.error)
_LINE = re.compile(r"([0-9a-fA-F]{64}) [ *](?:\./)?(.+)")


@dataclass(frozen=True)
class DataFiles:
    """`checksums` are of the files as they lie in `folder`, raw or .gz, by name: SHA-256, or MD5 of a published .gz.

    Whatever reads a file raises DataError if it is missing or is not what its checksum says.
    """

    folder: Path
    checksums: Mapping[str, str]

    def path(self, name: str) -> Path:
        """The file `name`, as it lies there."""
        return self.folder / (name if name in self.checksums else f"{name}.gz")

    @property
    def paths(self) -> list[Path]:
        """All that is read, with the list of checksums if there is one."""
        listed = self.folder / CHECKSUMS
        return [*map(self.path, NAMES), *([listed] if listed.exists() else [])]

    def images(self, split: Split) -> torch.Tensor:
        """(N, 28, 28) uint8."""
        return idx.decode(self.read(IMAGES[split]))

    def labels(self, split: Split) -> torch.Tensor:
        """(N,) int64."""
        return idx.decode(self.read(LABELS[split])).long()

    def read(self, name: str) -> bytes:
        """The content of the file, unpacked."""
        path = self.path(name)
        try:
            stored = path.read_bytes()
        except FileNotFoundError:
            raise DataError(f"{path.name} is missing.") from None
        except OSError as error:
            raise DataError(f"{path.name} cannot be read: {error.strerror or error}.") from None
        expected = self.checksums[path.name].lower()
        hashed = hashlib.md5(stored, usedforsecurity=False) if len(expected) == 32 else hashlib.sha256(stored)
        if hashed.hexdigest() != expected:
            raise DataError(
                f"{path.name} has the checksum {hashed.hexdigest()[:16]}..., and {expected[:16]}... is expected: it is "
                "damaged or another file."
            )
        try:
            return gzip.decompress(stored) if path.suffix == ".gz" else stored
        except _READ_ERRORS as error:
            raise DataError(f"{path.name} cannot be unpacked: {error}.") from None

    def count(self, split: Split) -> int:
        """The number of images, as the file's header says; nothing else is read or compared."""
        path = self.path(IMAGES[split])
        try:
            with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
                return int(struct.unpack(">4xI", file.read(8))[0])
        except (*_READ_ERRORS, struct.error) as error:
            raise DataError(f"{path.name} cannot be read: {error}.") from None

    def check(self) -> None:
        """Raise DataError unless all four are whole, of the right shapes and fit together."""
        for split in IMAGES:
            images, labels = IMAGES[split], LABELS[split]
            shape, content = idx.shape_of(images, self.read(images)), self.read(labels)
            count, *rest = idx.shape_of(labels, content)
            if len(shape) != 3 or shape[1:] != (28, 28):
                raise DataError(f"{images} holds {shape[0]:,} items of the shape {shape[1:]}, and (28, 28) is needed.")
            if rest:
                raise DataError(f"{labels} holds items of the shape {tuple(rest)}, and one number for each is needed.")
            if not 0 < count == shape[0] <= MAX_IMAGES:
                raise DataError(
                    f"{images} has {shape[0]:,} images and {labels} {count:,} labels: as many are needed, from 1 to "
                    f"{MAX_IMAGES:,}."
                )
            if (highest := max(content[-count:])) >= CLASSES:
                raise DataError(f"{labels} has the label {highest}, and {CLASSES} classes are numbered from 0 to 9.")


def read_checksums(folder: Path) -> dict[str, str]:
    """The checksums of the four files in a folder with a file SHA256SUMS. Raises DataError."""
    if not folder.is_dir():
        raise DataError(f"there is no such folder. Put {', '.join(NAMES)} there, with their {CHECKSUMS}.")
    try:
        lines = (folder / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        reason = f"cannot be read ({error})" if (folder / CHECKSUMS).exists() else "is missing"
        raise DataError(f"{CHECKSUMS} {reason}. Make it in that folder: sha256sum *-ubyte* > {CHECKSUMS}") from None
    found = {match[2]: match[1].lower() for line in lines if (match := _LINE.fullmatch(line.strip()))}
    checksums = {}
    for name in NAMES:
        listed = name if name in found else f"{name}.gz"
        if listed not in found:
            raise DataError(f"{CHECKSUMS} has no line for {name}, as it is or as .gz.")
        checksums[listed] = found[listed]
    return checksums
