"""Runs the stages in their order, keeps every result at once in a file, and goes on where a call was cut off."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.grading.training_run import Interruption
from course.files import write_atomically

if TYPE_CHECKING:
    from autograder.bench.gpu.setting import Setting

Results = dict[str, Any]  # what was measured -> a number, a text, or a list of them, as JSON takes it
Task = tuple[str, Callable[[], Results]]  # its name, which tells it from others of the stage, and what measures


class OutOfTime(Interruption):
    """A task ends without a result, because the time of its stage is over."""


@dataclass(frozen=True)
class Stage:
    """`tasks` lists what is measured, most important first; `share` is that of the time, beside the other stages'."""

    name: str
    question: str
    share: float
    tasks: Callable[[Setting], Sequence[Task]]

    def file(self, folder: Path) -> Path:
        return folder / f"{self.name}.json"


def run_stages(
    stages: list[Stage], setting: Setting, folder: Path, seconds: float, show: Callable[[str], None]
) -> None:
    """Measure until the time is over. What a stage does not need is left for those after it.

    The first task of each stage is begun in any case, and in a trial run to its end. An error is kept as the task's
    result; the next call tries it again.
    """
    end = time.monotonic() + seconds
    for number, stage in enumerate(stages):
        shares = sum(later.share for later in stages[number:])
        now = time.monotonic()
        setting.deadline = now + max(0.0, end - now) * stage.share / shares
        show(f"\n{stage.name}: {stage.question}")
        for name, results in _run_stage(stage, setting, folder):
            show(f"  {name}: {describe(results)}")


def _run_stage(stage: Stage, setting: Setting, folder: Path) -> Iterator[tuple[str, Results]]:
    kept = load(stage, folder)
    try:
        tasks = list(stage.tasks(setting))
    except Exception:
        tasks = [("what to measure", _raise_again(traceback.format_exc()))]
    for number, (name, measure) in enumerate(tasks):
        if name in kept and "error" not in kept[name]:
            continue
        if number and setting.seconds_left < 0:
            yield name, {"not measured": "the time was over"}
            continue
        try:
            with setting.without_deadline(setting.is_trial and number == 0):
                kept[name] = measure()
        except OutOfTime as reason:
            yield name, {"not measured": f"the time was over {reason}"}
            continue
        except Exception:
            kept[name] = {"error": traceback.format_exc()}
        write_atomically(stage.file(folder), json.dumps(kept, indent=1) + "\n")
        yield name, kept[name]


def _raise_again(text: str) -> Callable[[], Results]:
    def measure() -> Results:
        raise RuntimeError(text)

    return measure


def load(stage: Stage, folder: Path) -> dict[str, Results]:
    """What is known of a stage: task -> results. {} if nothing is."""
    path = stage.file(folder)
    known: dict[str, Results] = json.loads(path.read_text()) if path.exists() else {}
    return known


def describe(results: Results) -> str:
    """One line; of an error its last one."""
    if "error" in results:
        return f"ERROR {results['error'].strip().splitlines()[-1][:200]}"
    return ", ".join(f"{name} {_short(value)}" for name, value in results.items() if value not in ("", None, []))


def _short(value: Any) -> str:
    if isinstance(value, dict) and "median" in value:
        return f"{value['median']:.4g} ({value['min']:.4g} to {value['max']:.4g}, n {value['n']})"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value) if not isinstance(value, list) else " ".join(map(_short, value))


def table(stages: Sequence[Stage], folder: Path) -> str:
    """All that is known, stage by stage."""
    lines = []
    for stage in stages:
        lines.append(f"{stage.name}: {stage.question}")
        known = load(stage, folder)
        width = max(map(len, known), default=0)
        lines += [f"  {name:<{width}}  {describe(results)}" for name, results in known.items()]
        lines += [] if known else ["  not measured"]
    return "\n".join(lines)
