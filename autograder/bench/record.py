"""What `make bench` measured: the JSON file that it keeps in docs/bench."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NotRequired, TypedDict

# the recipes that are measured: the published models, and the course's own
LESSONS = {
    "Model 1": "lesson1_baseline",
    "Model 2": "lesson3_dropout",
    "Model 3": "lesson4_schedulers",
    "challenge": "challenge",
}

Summaries = dict[str, "Summary"]  # what was measured -> its summary


class Summary(TypedDict):
    """Of one number in each round."""

    median: float
    min: float
    max: float
    n: int


ModelRecord = TypedDict(
    "ModelRecord",
    {
        "seconds": Summaries,  # of an epoch, projected
        "times faster": Summaries,  # than the published loop
        "shares of a step": Summaries,  # part of a training step -> its fraction of the time
        "kernels": list[tuple[str, float]],  # kernel, its fraction of all kernels' time
    },
)


class BenchRecord(TypedDict):
    """Without `size` and `models` if only the isolation was measured, and the other way round."""

    date: str
    machine: dict[str, str | int | None]
    versions: dict[str, str]
    size: NotRequired[dict[str, int]]
    models: NotRequired[dict[str, ModelRecord]]
    isolation: NotRequired[Summaries]


def summarize(values: Sequence[float]) -> Summary:
    return {
        "median": round(statistics.median(values), 4),
        "min": round(min(values), 4),
        "max": round(max(values), 4),
        "n": len(values),
    }
