"""Refusals before training, and the verdict after it.

Runs near the threshold are decided by a sequential test: more seeds are trained until a majority agrees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from course.recipe import TEST_IMAGES
from course.rules.limits import FORBIDDEN, Rules
from course.training.results import EpochResult

if TYPE_CHECKING:  # it is made by a package above this one
    from course.inspection.record import Choices, Inspection

# Above these, a first epoch is better than that of any network that started untrained. In our records it is at most
# 98.52 %; with batches of 32 and a whole cycle of rates in one epoch it was 99.09 %, and 94.6 % of training images.
FIRST_EPOCH_TEST, FIRST_EPOCH_TRAIN = 0.992, 0.975

Verdict = Literal["pass", "borderline", "fail", "refused", "error", "internal"]


@dataclass(frozen=True)
class Streak:
    """Consecutive epochs `first`..`last` (counted from 1) with enough right answers; `lowest` is their lowest count."""

    first: int
    last: int
    lowest: int

    def __len__(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True)
class Judgement:
    """The verdict on the runs so far. It counts only when `needs_another_seed` is false."""

    verdict: Verdict
    reasons: tuple[str, ...]
    seeds_disagree: bool  # shown as borderline next to the verdict
    needs_another_seed: bool
    short_of_seeds: bool = False  # fewer were asked for than the rules train, and they would have trained more


def refusals(rules: Rules, inspection: Inspection) -> list[str]:
    """One sentence for each rule that the recipe breaks before it is trained."""
    reasons = []
    if inspection.counted > rules.max_parameters:
        unused = any(part.kind == "unused" for part in inspection.parts)
        reasons.append(
            f"parameters: {inspection.counted:,} counted, fewer than {rules.max_parameters + 1:,} allowed: "
            f"{inspection.describe_count()}.{' Delete what forward does not use.' * unused}"
        )
    if inspection.epochs > rules.max_epochs:
        reasons.append(f"epochs: the recipe asks for {inspection.epochs}, and {rules.max_epochs} are allowed.")
    if inspection.choices is not None:
        reasons += _refused_choices(rules, inspection.choices)
    if not rules.allow_leaks:
        reasons += inspection.leaks
    return [*reasons, *inspection.problems]


def _refused_choices(rules: Rules, choices: Choices) -> list[str]:
    reasons = []
    if "augmentation" in rules.forbid and choices.random_transforms:
        reasons.append(
            f"augmentation: {', '.join(choices.random_transforms)} changes the training images by chance, and this "
            "assignment allows no such transform. Remove it from the training transform."
        )
    if "scheduler" in rules.forbid and choices.has_schedule:
        reasons.append("scheduler: this assignment allows none. Leave `scheduler` out of the recipe.")
    options = {
        "label_smoothing": bool(choices.label_smoothing),
        "clip_norm": choices.clip_norm is not None,
        "average": choices.average_decay is not None,
    }
    reasons += [
        f"{name}: this assignment allows no {FORBIDDEN[name]}. Leave `{name}` out of the recipe."
        for name, is_used in options.items()
        if is_used and name in rules.forbid
    ]
    if rules.transforms is not None:
        others = dict.fromkeys(name for name in choices.transforms if name not in (*rules.transforms, "Compose"))
        if others:
            allowed = ", ".join(rules.transforms) or "none"
            reasons.append(f"transforms: {', '.join(others)} is not among those that are allowed here: {allowed}.")
    if rules.optimizers is not None and choices.optimizer not in rules.optimizers:
        allowed = ", ".join(rules.optimizers) or "none"
        reasons.append(f"optimizer: {choices.optimizer} is not among those that are allowed here: {allowed}.")
    return reasons


def longest_streak(correct: Sequence[int], needed: int) -> Streak | None:
    """The longest streak of consecutive epochs with at least `needed` right answers; the last one of equal length."""
    longest: Streak | None = None
    first = None  # epoch in which the current streak began
    for epoch, count in enumerate([*correct, -1], start=1):
        if count >= needed:
            first = first or epoch
        elif first is not None:
            streak = Streak(first, epoch - 1, min(correct[first - 1 : epoch - 1]))
            if longest is None or len(streak) >= len(longest):
                longest = streak
            first = None
    return longest


def held_level(correct: Sequence[int], hold: int) -> int:
    """The highest count that was held for `hold` consecutive epochs; 0 when the run was shorter."""
    windows = [min(correct[i : i + hold]) for i in range(len(correct) - hold + 1)]
    return max(windows, default=0)


def judge(
    rules: Rules,
    runs: Sequence[Sequence[int]],
    *,
    ended: Sequence[str] = (),
    seeds: int | None = None,
    total: int = TEST_IMAGES,
) -> Judgement:
    """The verdict on the runs of one recipe, given as right answers of `total`, epoch by epoch, in the order of seeds.

    The first run decides alone when its held level is further than `rules.near` from what is needed. Otherwise runs
    follow until a majority of the seeds agrees; a tie after the last seed is `borderline`. `ended[i]` is the sentence
    that says why run i broke off, or "" for a run that finished; a run that broke off has held nothing. `seeds`
    replaces the number in the rules. Raises ValueError without a run.
    """
    if not runs:
        raise ValueError("at least one run is needed")
    ended = [*ended, *[""] * (len(runs) - len(ended))]
    runs = [() if sentence else run for run, sentence in zip(runs, ended, strict=True)]
    seeds = seeds or rules.seeds
    needed = rules.needed(total)
    passed = [held_level(run, rules.hold) >= needed for run in runs]
    reasons = tuple(
        f"Run {number}: {sentence or _describe_run(rules, run, total)}"
        for number, (run, sentence) in enumerate(zip(runs, ended, strict=True), start=1)
    )
    is_clear = abs(held_level(runs[0], rules.hold) - needed) > rules.near * total
    if is_clear:
        return Judgement("pass" if passed[0] else "fail", reasons, seeds_disagree=False, needs_another_seed=False)
    passes, failures = sum(passed), len(passed) - sum(passed)
    disagree = passes > 0 and failures > 0
    if max(passes, failures) <= seeds // 2 and len(runs) < seeds:
        return Judgement("borderline", reasons, seeds_disagree=disagree, needs_another_seed=True)
    if disagree:
        outcome = "There is no majority." if passes == failures else "The majority decides."
        reasons = (*reasons, f"The seeds did not agree: {passes} of {len(runs)} held the accuracy. {outcome}")
    verdict: Verdict = "borderline" if passes == failures else "pass" if passes > failures else "fail"
    is_short = max(passes, failures) <= rules.seeds // 2 and len(runs) < rules.seeds
    return Judgement(verdict, reasons, seeds_disagree=disagree, needs_another_seed=False, short_of_seeds=is_short)


def first_epoch_remarks(rules: Rules, runs: Sequence[Sequence[EpochResult]]) -> list[str]:
    """A sentence for the teacher if a run on MNIST, given as its epochs, begins better than untrained networks do."""
    if rules.data != "mnist":  # nothing is known of honest first epochs there
        return []
    for number, epochs in enumerate(runs, start=1):
        first = epochs[0] if epochs else None
        if first and (first.accuracy > FIRST_EPOCH_TEST or first.train_accuracy > FIRST_EPOCH_TRAIN):
            return [
                f"For the teacher: run {number} had {first.accuracy:.2%} of the test images and "
                f"{first.train_accuracy:.2%} of the training images right in its first epoch, and networks that start "
                f"untrained have at most {FIRST_EPOCH_TEST:.1%} and {FIRST_EPOCH_TRAIN:.1%}. Look at how this one's "
                "initial weights are made."
            ]
    return []


def _describe_run(rules: Rules, run: Sequence[int], total: int) -> str:
    if not run:
        return "no epoch was finished."
    needed = rules.needed(total)
    goal = f"{needed:,} of {total:,} ({rules.accuracy:.2%}) for {rules.streak}"
    streak = longest_streak(run, needed)
    if streak and len(streak) >= rules.hold:
        epochs = f"epochs {streak.first}-{streak.last}" if len(streak) > 1 else f"epoch {streak.first}"
        return (
            f"accuracy held in {epochs}, at least {streak.lowest:,} of {total:,} "
            f"({streak.lowest / total:.2%}); needed: {goal}."
        )
    best = max(run)
    held = "in no epoch"
    if streak:
        held = f"{len(streak)} epochs in a row" if len(streak) > 1 else "in single epochs only"
    return (
        f"accuracy reached {held}; best {best:,} of {total:,} ({best / total:.2%}) in epoch {run.index(best) + 1}; "
        f"needed: {goal}."
    )
