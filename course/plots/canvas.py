"""What all pictures share: colours, a figure that can be read on any page, a gallery of images."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

GREY = "#767676"  # contrast above 4 to white and to the dark theme's #111111
BLUE, ORANGE = "#2a86c8", "#d55e00"  # told apart with any colour vision
COLUMNS = 10


def new(*, width: float, height: float, rows: int = 1, columns: int = 1) -> tuple[Figure, Axes]:
    """A Figure of that size in inches, and its Axes, or the array of them."""
    coloured = "axes.edgecolor axes.labelcolor axes.titlecolor text.color xtick.color ytick.color"
    style = dict.fromkeys(coloured.split(), GREY) | dict.fromkeys(("figure.facecolor", "axes.facecolor"), "none")
    style |= dict.fromkeys(("axes.spines.top", "axes.spines.right"), False)
    with plt.rc_context(style):
        figure, axes = plt.subplots(rows, columns, figsize=(width, height), layout="constrained")
    plt.close(figure)  # the notebook shows what is returned; an open figure it would show once more
    return figure, axes


def said(sentence: str) -> Figure:
    """A sentence in the place of a picture."""
    figure, axes = new(width=7, height=1)
    axes.set_axis_off()
    axes.text(0.5, 0.5, sentence, ha="center", va="center", wrap=True, color=GREY)
    return figure


def gallery(images: Tensor, labels: Sequence[str], title: str, *, black: float = 0, white: float = 255) -> Figure:
    """Images (N, H, W) in rows of COLUMNS, each under its label; `black` and `white` are the values that look so."""
    rows = -(-len(images) // COLUMNS)
    figure, grid = new(width=COLUMNS, height=0.5 + 1.4 * rows, rows=rows, columns=COLUMNS)
    for axes, image, label in zip_longest(grid.flat, images, labels):
        axes.set_axis_off()
        if image is not None:
            axes.imshow(image.numpy(), cmap="gray", vmin=black, vmax=white)
            axes.set_title(label, fontsize=8)
    figure.suptitle(title, color=GREY)
    return figure
