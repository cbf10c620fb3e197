"""What a student and an instructor see of a trained recipe: verdict, reasons, curve, limits, and what to try next.

`templates/report.html` lays out the HTML and escapes everything; the curve is a PNG of its own.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache
from statistics import median
from typing import Protocol

import jinja2

from autograder.console import printable
from autograder.store.records import Result, RunRecord
from course.inspection.record import Inspection
from course.rules import Rules, held_level

HEADLINES = {
    "pass": "Passed: the accuracy was held.",
    "borderline": "Borderline: as many seeds held the accuracy as did not, and you get the benefit of the doubt.",
    "fail": "Not passed yet: the accuracy was not held.",
    "refused": "Refused before training: a rule was broken.",
    "error": "Not trained: the recipe's own code failed.",
}
OVERFITTING_GAP = 0.003  # training accuracy - test accuracy; a larger gap indicates overfitting


class CountedRun(Protocol):
    """A run as the points depend on it: right answers, epoch by epoch, of `total` test images."""

    @property
    def correct(self) -> Sequence[int]: ...

    @property
    def total(self) -> int: ...


class Judged(Protocol):
    """A Result, or a summary of one."""

    @property
    def verdict(self) -> str: ...

    @property
    def runs(self) -> Sequence[CountedRun]: ...


def credit(result: Judged, rules: Rules, partial_credit: float, partial_from: float) -> float:
    """The fraction of the points that the result is worth, between 0 and 1.

    1 for pass and borderline. For fail it grows linearly with the held accuracy (the median of the seeds), from 0 at
    `partial_from` to `partial_credit` at the accuracy that the rules require. Otherwise 0.
    """
    if result.verdict in ("pass", "borderline"):
        return 1.0
    if result.verdict != "fail" or not result.runs or partial_credit <= 0 or rules.accuracy <= partial_from:
        return 0.0
    held = median(held_level(run.correct, rules.hold) / run.total for run in result.runs)
    fraction = (held - partial_from) / (rules.accuracy - partial_from)
    return min(partial_credit, 1.0) * min(max(fraction, 0.0), 1.0)


def html(result: Result, rules: Rules, score: float, points: float) -> str:
    """The report as HTML, for the output of a cell. `rules` are those that the runs were judged by."""
    versions = ", ".join(f"{name} {version}" for name, version in result.versions.items())
    return _template().render(
        result=result,
        headline=HEADLINES[result.verdict],
        score=score,
        points=points,
        reasons=[printable(reason) for reason in result.reasons],
        limits=_limits(result.inspection, rules) if result.inspection else [],
        epoch_table=_epoch_table(result.runs) if result.runs else "",
        advice=[*next_steps(result, rules), *remarks(result)],
        provenance=f"isolation: {result.isolation}; {versions}",
    )


def text(result: Result) -> str:
    """The verdict and its reasons, one on each line, for viewers that do not show HTML."""
    return "\n".join([HEADLINES[result.verdict], *(f"- {printable(reason)}" for reason in result.reasons)])


def curves(result: Result, rules: Rules) -> bytes | None:
    """The test accuracy of each seed by epoch, as a PNG; None when nothing was trained."""
    accuracies_by_seed: dict[str, Sequence[float]] = {
        f"seed {run.seed}": [100 * epoch.accuracy for epoch in run.epochs] for run in result.runs if run.epochs
    }
    if not accuracies_by_seed:
        return None
    from course.plots import accuracies

    file = io.BytesIO()
    accuracies(accuracies_by_seed, goal=100 * rules.accuracy).savefig(file, format="png", dpi=90)
    return file.getvalue()


def next_steps(result: Result, rules: Rules) -> list[str]:
    """Sentences of advice that follow from the numbers."""
    if result.verdict == "pass":
        return ["Find out how few parameters and epochs are enough, and how far above the limit each seed ends."]
    if result.verdict in ("refused", "error"):
        return [
            "Correct what the reasons name, and run check_submission() in your notebook before you hand it in again: "
            "it makes the same checks without training."
        ]
    run = max(result.runs, key=lambda run: held_level(run.correct, rules.hold))
    if run.ended:
        return ["Lower the highest learning rate, or warm up to it over more steps."]
    return _advice_on_curve(run, rules, spare_parameters=rules.max_parameters - (result.counted or 0))


def remarks(result: Result) -> list[str]:
    """What the inspection remarked on the recipe, and a dropout that the training shows to be too strong."""
    if result.inspection is None:
        return []
    found = [str(advice) for advice in result.inspection.advice]
    choices = result.inspection.choices
    last = [run.epochs[-1] for run in result.runs if run.epochs]
    has_dropout = any("dropout" in layer.operator for layer in result.inspection.layers)
    is_augmented = choices is None or bool(choices.random_transforms)
    if last and has_dropout and not is_augmented and all(epoch.train_accuracy < epoch.accuracy for epoch in last):
        found.append(
            f"With dropout the training ({last[0].train_accuracy:.2%}) stays below the test ({last[0].accuracy:.2%}): "
            "so small a network remembers little by heart. Lower p, or leave dropout out. (lesson 3: Where dropout "
            "hurts a small network)"
        )
    return [printable(sentence) for sentence in found]


def _advice_on_curve(run: RunRecord, rules: Rules, spare_parameters: int) -> list[str]:
    needed = rules.needed(run.total)
    best, last = max(run.epochs, key=lambda epoch: epoch.correct), run.epochs[-1]
    advice = []
    if best.correct >= needed:
        advice.append(
            f"The accuracy was reached in epoch {best.epoch} and lost again: let the learning rate end near zero, so "
            "that the last epochs change little."
        )
    if last.train_accuracy - last.accuracy > OVERFITTING_GAP:
        advice.append(
            f"Training ({last.train_accuracy:.2%}) is ahead of the test ({last.accuracy:.2%}), which indicates "
            "overfitting: the network remembers its training images. Rotate, shift and scale them a little in every "
            "epoch."
        )
    elif best.correct < needed:
        advice.append(
            f"Training ({last.train_accuracy:.2%}) is no better than the test ({last.accuracy:.2%}): the network can "
            "learn more. Try a higher learning rate in the middle, a schedule, or weaker augmentation and dropout."
        )
    if best.correct < needed and spare_parameters > 0.1 * rules.max_parameters:
        advice.append(
            f"{spare_parameters:,} more parameters are allowed: widen the layers in which the image is small."
        )
    if last.epoch < rules.max_epochs:
        advice.append(f"Only {last.epoch} of the {rules.max_epochs} epochs that are allowed were used.")
    return advice


def _limits(inspection: Inspection, rules: Rules) -> list[str]:
    """What was counted, beside what is allowed."""
    counted = f"{inspection.counted:,} of {rules.max_parameters:,} allowed ({inspection.describe_count()})"
    return [
        printable(f"parameters counted: {counted}"),
        f"epochs: {inspection.epochs} of {rules.max_epochs} allowed",
        f"receptive field: {inspection.receptive_field} px",
        f"work of one step: {inspection.work.flops / 1e9:.2f} GFLOP",
    ]


def _epoch_table(runs: tuple[RunRecord, ...]) -> str:
    """The test accuracy as plain text: a line for each epoch, a column for each seed."""
    lines = ["test accuracy by epoch", "epoch" + "".join(f"{f'seed {run.seed}':>18}" for run in runs)]
    for index in range(max(len(run.epochs) for run in runs)):
        cells = [f"{run.epochs[index].accuracy:.2%}" if index < len(run.epochs) else "" for run in runs]
        lines.append(f"{index + 1:5}" + "".join(f"{cell:>18}" for cell in cells))
    return "\n".join(lines)


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("autograder.nbgrader_plugins"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html")
