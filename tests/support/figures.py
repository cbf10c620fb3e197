"""Reading figures back: what was drawn, under which names."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure


def labelled_lines(axes: Axes) -> dict[str, list[float]]:
    """The lines that have a label: label -> values."""
    return {line.get_label(): list(line.get_ydata()) for line in axes.lines if not line.get_label().startswith("_")}


def image_titles(figure: Figure) -> list[str]:
    return [axes.get_title() for axes in figure.axes if axes.images]


def message(figure: Figure) -> str:
    """The sentence that is shown in the place of a plot."""
    (axes,) = figure.axes
    assert not axes.images and not axes.lines
    return axes.texts[0].get_text()
