"""What a student and an instructor see of a trained recipe: verdict, reasons, curve, counts, what to try next.

The HTML has nothing but plain tags, so that it passes nbconvert's sanitizer as it is; the curve is a picture beside it.
Whatever may hold a student's text is escaped.
"""

from __future__ import annotations

import io
from html import escape
from statistics import median

from autograder.console import printable
from autograder.grading.options import Options
from autograder.store.records import Result, RunRecord
from course.rules import Rules, held_level, load_rules

HEADLINES = {
    "pass": "Passed: the accuracy was held.",
    "borderline": "Borderline: as many seeds held the accuracy as did not, and the doubt counts for you.",
    "fail": "Not passed yet: the accuracy was not held.",
    "refused": "Refused before training: a rule was broken.",
    "error": "Not trained: the recipe's own code did not run to its end.",
}
MORE = 0.003  # a training accuracy that is so far above the test accuracy speaks of learning by heart


def share(result: Result, options: Options, partial_credit: float, partial_from: float) -> float:
    """The share of the points, 0 to 1: all for pass and borderline, `partial_credit` at most for fail, else none."""
    if result.verdict in ("pass", "borderline"):
        return 1.0
    if result.verdict != "fail" or not result.runs or partial_credit <= 0:
        return 0.0
    rules = _rules(result, options)
    held = median(held_level(run.correct, rules.hold) / _total(run) for run in result.runs)
    way = (held - partial_from) / (rules.accuracy - partial_from) if rules.accuracy > partial_from else 0.0
    return min(partial_credit, 1.0) * min(max(way, 0.0), 1.0)


def html(result: Result, options: Options, score: float, points: float) -> str:
    """The report, for the output of a cell."""
    borderline = " The seeds did not agree; the majority decided." if result.borderline else ""
    parts = [f"<div><b>{escape(HEADLINES[result.verdict])}{borderline}</b></div>"]
    parts.append(f"<div><b>{score:g} of {points:g} points</b></div>")
    if not result.official:
        parts.append("<div><b>Not official:</b> data or epochs were cut down by the course's settings.</div>")
    parts.append(_list(printable(reason) for reason in result.reasons))
    if result.inspection:
        parts.append(_counts(result, _rules(result, options)))
    if result.runs:
        parts.append(_epochs(result.runs))
    if advice := next_steps(result, options):
        parts += ["<div><b>What to try next</b></div>", _list(advice)]
    made = ", ".join(f"{name} {version}" for name, version in result.versions.items())
    parts.append(f"<div><em>{escape(f'isolation: {result.isolation}; {made}')}</em></div>")
    return "\n".join(parts)


def text(result: Result) -> str:
    """The verdict in one line and the reasons, where HTML is not shown."""
    return "\n".join([HEADLINES[result.verdict], *(f"- {printable(reason)}" for reason in result.reasons)])


def pictures(result: Result, options: Options) -> list[bytes]:
    """The curve of each seed's test accuracy, as PNG; none when nothing was trained."""
    if not any(run.epochs for run in result.runs):
        return []
    from course.plots import accuracies

    lines = {f"seed {run.seed}": [100 * epoch.accuracy for epoch in run.epochs] for run in result.runs if run.epochs}
    figure = accuracies(lines, goal=100 * _rules(result, options).accuracy)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=90)
    return [file.getvalue()]


def next_steps(result: Result, options: Options) -> list[str]:
    """Sentences that follow from the numbers; for what was refused the reason already says what to do."""
    rules = _rules(result, options)
    if result.verdict == "pass":
        return ["Ask how few parameters and epochs are enough, and by how much the line is cleared from seed to seed."]
    if result.verdict in ("refused", "error"):
        return [
            "Mend what the reasons name, and run check_submission() in your notebook before you hand it in again: it "
            "says the same as this report without training."
        ]
    run = max(result.runs, key=lambda r: held_level(r.correct, rules.hold))
    if run.ended:
        return ["Lower the highest learning rate, or climb to it over more steps."]
    return _from_curve(run, rules, spare=rules.max_parameters - (result.counted or 0))


def _from_curve(run: RunRecord, rules: Rules, spare: int) -> list[str]:
    needed = rules.needed(_total(run))
    best, last = max(run.epochs, key=lambda e: e.correct), run.epochs[-1]
    found = []
    if best.correct >= needed:
        found.append(
            f"The accuracy was reached in epoch {best.epoch} and lost again: let the learning rate end near zero, so "
            "that the last epochs hardly differ."
        )
    if last.train_accuracy - last.accuracy > MORE:
        found.append(
            f"Training ({last.train_accuracy:.2%}) is ahead of the test ({last.accuracy:.2%}): the network learns "
            "digits by heart. Turn, shift and scale them a little in every epoch."
        )
    elif best.correct < needed:
        found.append(
            f"Training ({last.train_accuracy:.2%}) is no better than the test ({last.accuracy:.2%}): the network can "
            "learn more. A higher learning rate in the middle, a schedule, or weaker augmentation and dropout."
        )
    if best.correct < needed and spare > 0.1 * rules.max_parameters:
        found.append(f"{spare:,} parameters are left: wider layers, where the picture is small.")
    if last.epoch < rules.max_epochs:
        found.append(f"{rules.max_epochs} epochs are allowed, and {last.epoch} were trained.")
    return found


def _counts(result: Result, rules: Rules) -> str:
    found = result.inspection
    rows = [
        ("parameters counted", f"{found.counted:,} of {rules.max_parameters:,} allowed ({found.describe_count()})"),
        ("epochs", f"{found.epochs} of {rules.max_epochs} allowed"),
        ("receptive field", f"{found.receptive_field} px"),
        ("work of one step", f"{found.work.flops / 1e9:.2f} GFLOP"),
    ]
    return _list(f"{name}: {printable(value)}" for name, value in rows)


def _epochs(runs: tuple[RunRecord, ...]) -> str:
    lines = ["test accuracy by epoch", "epoch" + "".join(f"{f'seed {run.seed}':>18}" for run in runs)]
    for number in range(max(len(run.epochs) for run in runs)):
        cells = [f"{run.epochs[number].accuracy:.2%}" if number < len(run.epochs) else "" for run in runs]
        lines.append(f"{number + 1:5}" + "".join(f"{cell:>18}" for cell in cells))
    return f"<pre>{escape(chr(10).join(lines))}</pre>"


def _list(sentences) -> str:
    return "<ul>" + "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences) + "</ul>"


def _rules(result: Result, options: Options) -> Rules:
    rules = load_rules(result.assignment)
    return options.reduced.rules(rules) if options.reduced else rules


def _total(run: RunRecord) -> int:
    return run.epochs[0].test_total if run.epochs else 10_000
