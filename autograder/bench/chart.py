"""The picture of a benchmark: how many times faster than the published loop, and where a step's time goes."""

from __future__ import annotations

from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

COLOURS = ("#2a86c8", "#7fb8de", "#c9dfef")
PARTS = {"transform": "#d55e00", "forward": "#2a86c8", "backward": "#1b4f78", "step": "#7a7a7a", "other": "#d9d9d9"}


def save(kept: dict, path: Path) -> None:
    """Draw what `make bench` measured."""
    models = kept["models"]
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    queues = list(next(iter(models.values()))["times faster"])
    width = 0.8 / len(queues)
    for place, (queue, colour) in enumerate(zip(queues, COLOURS, strict=False)):
        values = [model["times faster"][queue] for model in models.values()]
        middle = [v["median"] for v in values]
        spread = [[v["median"] - v["min"] for v in values], [v["max"] - v["median"] for v in values]]
        at = [index + place * width - 0.4 + width / 2 for index in range(len(models))]
        bars = left.bar(at, middle, width, yerr=spread, color=colour, ecolor="#555555", capsize=2, label=queue)
        left.bar_label(bars, fmt="%.1f", label_type="center", fontsize=8)
    left.set_xticks(range(len(models)), list(models))
    left.set(ylabel="times faster", title="Ours against the published loop (median, least, most)")
    left.legend(frameon=False)
    bottom = [0.0] * len(models)
    for part, colour in PARTS.items():
        shares = [100 * model["shares of a step"].get(part, {"median": 0})["median"] for model in models.values()]
        right.bar(list(models), shares, bottom=bottom, color=colour, label=part, width=0.6)
        bottom = [b + s for b, s in zip(bottom, shares, strict=True)]
    right.set(ylabel="per cent of a training step", title="Where a step's time goes", ylim=(0, 100))
    right.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    machine, size = kept["machine"], kept["size"]
    figure.suptitle(
        f"{machine['processor']}, {machine['cores']} cores, torch {kept['versions']['torch']}, {kept['date']}, "
        f"n = {size['rounds']}",
        fontsize=9,
    )
    figure.savefig(path, dpi=110)
