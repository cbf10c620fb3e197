"""The plot of a benchmark: how many times faster than the published loop, and where the time of a step goes."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from autograder.bench.record import BenchRecord, ModelRecord

COLORS = ("#1b4f78", "#2a86c8", "#7fb8de", "#c9dfef")
PART_COLORS = {
    "transform": "#d55e00",
    "network": "#2a86c8",
    "optimizer": "#7a7a7a",
    "other": "#d9d9d9",
}
GROUP_WIDTH = 0.8  # of the bars of one model


def save_chart(record: BenchRecord, path: Path) -> None:
    """Write the plot of a record with `models` as a PNG."""
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    _plot_speedups(left, record["models"])
    _plot_shares(right, record["models"])
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    machine = record["machine"]
    figure.suptitle(
        f"{machine['processor']}, {machine['cores']} cores, torch {record['versions']['torch']}, {record['date']}, "
        f"n = {record['size']['rounds']}",
        fontsize=9,
    )
    figure.savefig(path, dpi=110)


def _plot_speedups(axes: Axes, models: dict[str, ModelRecord]) -> None:
    """A group of bars for each model, a bar for one submission alone and for each queue."""
    names = list(next(iter(models.values()))["times faster"])
    width = GROUP_WIDTH / len(names)
    for index, (name, color) in enumerate(zip(names, COLORS, strict=False)):
        summaries = [model["times faster"][name] for model in models.values()]
        medians = [summary["median"] for summary in summaries]
        below = [summary["median"] - summary["min"] for summary in summaries]
        above = [summary["max"] - summary["median"] for summary in summaries]
        x = [group + index * width - GROUP_WIDTH / 2 + width / 2 for group in range(len(models))]
        bars = axes.bar(x, medians, width, yerr=[below, above], color=color, ecolor="#555555", capsize=2, label=name)
        axes.bar_label(bars, fmt="%.1f", label_type="center", fontsize=8, color="white" if index < 2 else "black")
    axes.set_xticks(range(len(models)), list(models))
    axes.set(ylabel="times faster", title="Against the published loop (median, range)")
    axes.legend(frameon=False)


def _plot_shares(axes: Axes, models: dict[str, ModelRecord]) -> None:
    """A stacked bar for each model."""
    bottom = [0.0] * len(models)
    for part, color in PART_COLORS.items():
        summaries = [model["shares of a step"].get(part) for model in models.values()]
        heights = [100 * summary["median"] if summary else 0.0 for summary in summaries]
        axes.bar(list(models), heights, bottom=bottom, color=color, label=part, width=0.6)
        bottom = [b + height for b, height in zip(bottom, heights, strict=True)]
    axes.set(ylabel="per cent of a training step", title="Where a step's time goes", ylim=(0, 100))
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
