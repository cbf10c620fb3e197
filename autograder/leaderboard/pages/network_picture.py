"""A network's layers as blocks side by side: as high as their maps, as wide as their channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from course.inspection.record import NOT_USED, Layer

MAX_HEIGHT, MAX_CHANNELS, GAP = 128, 64, 8  # in the units of the SVG
_KINDS = {"conv": "convolution", "linear": "convolution", "mm": "convolution", "pool": "pooling", "dropout": "dropout"}


@dataclass(frozen=True)
class Block:
    """One layer; `kind` names its colour: convolution, pooling, dropout, other."""

    x: int
    width: int
    height: int
    kind: str
    description: str


def network_blocks(layers: Sequence[Layer]) -> list[Block]:
    blocks, x = [], 0
    for layer in (layer for layer in layers if layer.operator != NOT_USED):
        channels, *sides = layer.shape or (1,)
        height = min(8 + 4 * (sides[0] if sides else 1), MAX_HEIGHT)
        width = 6 + min(channels, MAX_CHANNELS)
        kind = next((kind for part, kind in _KINDS.items() if part in layer.operator), "other")
        description = f"{layer.name}, {layer.operator}: {'x'.join(map(str, layer.shape))}"
        blocks.append(Block(x, width, height, kind, description))
        x += width + GAP
    return blocks
