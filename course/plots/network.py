"""What can be seen of a network before it is trained: how far it looks, and where its parameters are."""

from __future__ import annotations

import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from course import data
from course.inspection import IMAGE_SIZE, Inspection, Layer
from course.plots.canvas import BLUE, COLUMNS, GREY, ORANGE, gallery, new
from course.rules import load_rules


def receptive_field(inspection: Inspection, digit: int = 0) -> Figure:
    """For each layer that looks further than the one before: the square of pixels that one of its values depends on.

    The squares lie in the middle of a training digit; `digit` is its index.
    """
    layers = _looking_further(inspection)
    image = data.load().train.images[digit]
    labels = [f"{layer.name}\n{layer.operator}\n{layer.receptive_field} of {IMAGE_SIZE}" for layer in layers]
    images = image.expand(len(layers), -1, -1) if layers else torch.empty(0, 28, 28)
    figure = gallery(images, labels, "What one value of each layer depends on")
    for axes, layer in zip(figure.axes, layers, strict=False):
        side = layer.receptive_field
        corner = (IMAGE_SIZE - side) / 2 - 0.5  # a pixel's middle is a whole number
        square = Rectangle((corner, corner), side, side, fill=False, edgecolor=ORANGE, linewidth=2, clip_on=False)
        axes.add_patch(square)
    return figure


def _looking_further(inspection: Inspection) -> list[Layer]:
    found, seen = [], 1
    for layer in inspection.layers:
        if layer.receptive_field > seen:
            found.append(layer)
            seen = layer.receptive_field
    return found[: 2 * COLUMNS]


def budget(inspection: Inspection) -> Figure:
    """The parameters of each layer, in order, and what is left of the challenge's 7,999 or is over it."""
    layers = [layer for layer in inspection.layers if layer.parameters]
    most = load_rules("challenge").max_parameters
    over = inspection.counted - most
    figure, axes = new(width=8, height=1.2 + 0.26 * len(layers))
    places = range(len(layers))
    colours = [ORANGE if layer.operator == "batch_norm" else BLUE for layer in layers]
    bars = axes.barh(places, [layer.parameters for layer in layers], color=colours)
    shown = [f"{layer.parameters:,} ({layer.parameters / inspection.counted:.1%})" for layer in layers]
    axes.bar_label(bars, shown, padding=4, color=GREY, fontsize=8)
    axes.set_yticks(places, [f"{layer.name} {layer.operator}" for layer in layers], fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    said = f"{over:,} over" if over > 0 else f"{-over:,} left of"
    axes.set(xlabel="parameters", title=f"{inspection.counted:,} counted: {said} the challenge's {most:,}")
    return figure
