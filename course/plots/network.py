"""What is known of a network before it is trained: its receptive field, and where its parameters are."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from course import data
from course.inspection.record import IMAGE_SIZE, Inspection, Layer
from course.notebook.validation import whole_number
from course.plots.canvas import (
    BLUE,
    COLOURS,
    COLUMNS,
    GREY,
    ORANGE,
    gallery,
    goal_name,
    message_figure,
    new_figure,
    require_values,
)
from course.rules import goal_rules

MAX_LAYERS = 2 * COLUMNS  # shown by receptive_field


def receptive_field(inspection: Inspection, digit: int = 0) -> Figure:
    """For each layer with a larger receptive field than all before: the square of pixels that one value depends on.

    The squares lie in the middle of a training digit; `digit` is its index. Raises UsageError.
    """
    images = data.load().train.images
    digit = whole_number("receptive_field(digit=...)", digit, 0, len(images) - 1)
    layers = _widening_layers(inspection)
    if not layers:
        return message_figure("Every value of this network depends on one pixel.")
    labels = [f"{layer.name}\n{layer.operator}\n{layer.receptive_field} of {IMAGE_SIZE}" for layer in layers]
    figure = gallery(images[digit].expand(len(layers), -1, -1), labels, "What one value of each layer depends on")
    for axes, layer in zip(figure.axes, layers, strict=False):
        side = layer.receptive_field
        corner = (IMAGE_SIZE - side) / 2 - 0.5  # a pixel's middle has whole coordinates
        square = Rectangle((corner, corner), side, side, fill=False, edgecolor=ORANGE, linewidth=2, clip_on=False)
        axes.add_patch(square)
    return figure


def _widening_layers(inspection: Inspection) -> list[Layer]:
    layers, widest = [], 1
    for layer in inspection.layers:
        if layer.receptive_field > widest:
            layers.append(layer)
            widest = layer.receptive_field
    return layers[:MAX_LAYERS]


def budget(inspection: Inspection) -> Figure:
    """The parameters of each layer, in order, and how many are left of the challenge's 7,999, or over it."""
    layers = [layer for layer in inspection.layers if layer.parameters]
    if not layers:
        return message_figure("No layer of this network has parameters.")
    limit = goal_rules().max_parameters
    excess = inspection.counted - limit
    figure, axes = new_figure(width=8, height=1.2 + 0.26 * len(layers))
    rows = range(len(layers))
    colours = [ORANGE if layer.operator == "batch_norm" else BLUE for layer in layers]
    bars = axes.barh(rows, [layer.parameters for layer in layers], color=colours)
    labels = [f"{layer.parameters:,} ({layer.parameters / inspection.counted:.1%})" for layer in layers]
    axes.bar_label(bars, labels, padding=4, color=GREY, fontsize=8)
    axes.set_yticks(rows, [f"{layer.name} {layer.operator}" for layer in layers], fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    balance = f"{excess:,} over" if excess > 0 else f"{-excess:,} left of"
    axes.set(xlabel="parameters", title=f"{inspection.counted:,} counted: {balance} {goal_name()}'s {limit:,}")
    return figure


def parameter_bars(networks: Mapping[str, Mapping[str, int]], *, title: str) -> Figure:
    """A bar for each network, made of its parts (name -> parameters), and the limit of the challenge.

    Raises UsageError if there is no network.
    """
    require_values("parameter_bars()", networks)
    limit = goal_rules().max_parameters
    figure, axes = new_figure(width=8, height=1.4 + 0.6 * len(networks))
    for row, parts in enumerate(networks.values()):
        start = 0
        for (part, size), colour in zip(parts.items(), cycle(COLOURS), strict=False):
            axes.barh(row, size, left=start, color=colour, edgecolor="white", height=0.6)
            if size > limit / 20:
                axes.text(start + size / 2, row, f"{part}\n{size:,}", ha="center", va="center", color="white", size=8)
            start += size
        axes.text(start, row, f" {start:,}", va="center", color=GREY)
    axes.axvline(limit, color=GREY, linestyle="--")
    axes.set_yticks(range(len(networks)), list(networks))
    axes.set_ylim(len(networks) - 0.5, -0.5)  # the first network on top
    axes.margins(x=0.12)
    axes.set(xlabel=f"parameters; the dashed line is the limit, {limit:,}", title=title)
    return figure
