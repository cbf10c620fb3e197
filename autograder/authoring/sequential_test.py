"""How often the rule near the threshold errs, and how many runs it costs: docs/sequential-test.md, with its plot.

    python -m autograder.authoring sequential-test docs

The rule is a sequential test: a run that is close to the required accuracy is followed by runs with other seeds. The
chances are exact for the model that the page states. They are computed with `course.rules.judge` itself, so the page
always describes the rule that is applied.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import NormalDist

import click

from autograder.console import report_errors
from course.files import write_atomically
from course.rules import Judgement, Rules, judge, load_rules

TEST_IMAGES = 10_000
STDEV = 5.5  # images; standard deviation between seeds of one recipe: 0.05-0.06 points were measured
MEANS = range(9920, 9961, 2)  # correct of TEST_IMAGES that a recipe holds on average
ONE_RUN, THE_RULE, THREE_RUNS = NAMES = ("one run", "the rule", "always three runs")


@dataclass(frozen=True)
class Chances:
    """The chance that a recipe passes, the chance that its seeds disagree, and the expected number of runs."""

    passing: float
    disagreeing: float
    runs: float


@dataclass(frozen=True)
class PossibleOutcome:
    """One way in which the runs of a recipe can come out."""

    chance: float
    judgement: Judgement
    runs: int


def chances(rules: Rules, mean: float, stdev: float = STDEV) -> Chances:
    """For a recipe whose held level is normally distributed between seeds; `mean` and `stdev` in images."""
    outcomes = list(_outcomes(rules, _level_chances(mean, stdev)))
    return Chances(
        passing=sum(outcome.chance for outcome in outcomes if outcome.judgement.verdict == "pass"),
        disagreeing=sum(outcome.chance for outcome in outcomes if outcome.judgement.seeds_disagree),
        runs=sum(outcome.chance * outcome.runs for outcome in outcomes),
    )


def alternatives(rules: Rules) -> dict[str, Rules]:
    """The rule, and two that could replace it: always one run, or always all runs."""
    return {ONE_RUN: replace(rules, seeds=1), THE_RULE: rules, THREE_RUNS: replace(rules, near=1.0)}


def _outcomes(
    rules: Rules, level_chances: dict[int, float], earlier: tuple[int, ...] = (), chance: float = 1.0
) -> Iterator[PossibleOutcome]:
    """Every outcome that can follow the levels of the `earlier` runs, which have the given `chance`."""
    for level, level_chance in level_chances.items():
        levels = (*earlier, level)
        judgement = judge(rules, [[held] * rules.hold for held in levels], total=TEST_IMAGES)
        if judgement.needs_another_seed:
            only_held = _held_or_not(level_chances, rules.needed(TEST_IMAGES))
            yield from _outcomes(rules, only_held, levels, chance * level_chance)
        else:
            yield PossibleOutcome(chance * level_chance, judgement, len(levels))


def _level_chances(mean: float, stdev: float) -> dict[int, float]:
    """Held level -> its chance, within six standard deviations of the mean."""
    below = NormalDist(mean, stdev).cdf
    reach = round(6 * stdev) + 1
    levels = range(round(mean) - reach, min(round(mean) + reach, TEST_IMAGES) + 1)
    masses = {level: below(level + 0.5) - below(level - 0.5) for level in levels}
    total = sum(masses.values())
    return {level: mass / total for level, mass in masses.items()}


def _held_or_not(level_chances: dict[int, float], needed: int) -> dict[int, float]:
    """Two levels in place of all: of a later run only matters whether it held the required accuracy."""
    held = sum(chance for level, chance in level_chances.items() if level >= needed)
    return {needed: held, needed - 1: 1 - held}


def page(rules: Rules, table: dict[int, dict[str, Chances]]) -> str:
    """The page in Markdown; `table` has the chances of each rule in NAMES for each mean."""
    needed = rules.needed(TEST_IMAGES)
    lines = [
        "# The sequential test near the threshold: what it costs and how often it errs",
        "",
        "<!-- made by `python -m autograder.authoring sequential-test docs` -->",
        "",
        f"A recipe passes when it holds {needed:,} of {TEST_IMAGES:,} in {rules.streak}. One run",
        f"decides if the level that it holds is more than {rules.near * TEST_IMAGES:.0f} images away from that.",
        f"Otherwise up to {rules.seeds} seeds vote, and the majority decides. How often is that wrong, and how many",
        "runs does it take?",
        "",
        "Model: the level that a run holds is normally distributed around the recipe's own, with a standard deviation",
        f"of {STDEV / 100:.3f} points, the middle of what was measured between seeds (0.05 to 0.06 points). The",
        "chances below are exact for this model; every way in which the runs can come out was judged by",
        "`course.rules.judge`.",
        "",
        "![Chance of passing and number of runs, by the accuracy that a recipe holds on average](sequential-test.svg)",
        "",
        f"| holds on average | passes by {ONE_RUN} | passes by {THE_RULE} | passes by {THREE_RUNS} | runs, {THE_RULE} "
        "| seeds disagree |",
        "|---|---|---|---|---|---|",
    ]
    for mean, row in table.items():
        cells = [f"{mean / TEST_IMAGES:.2%}", *(f"{row[name].passing:.1%}" for name in NAMES)]
        cells += [f"{row[THE_RULE].runs:.2f}", f"{row[THE_RULE].disagreeing:.1%}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def plot(path: Path, rules: Rules, table: dict[int, dict[str, Chances]]) -> None:
    """Write the same numbers as an SVG; equal numbers give equal bytes."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.hashsalt": "under8k", "font.size": 9}):
        figure = Figure(figsize=(7, 6))
        passing, runs = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
        means = [100 * mean / TEST_IMAGES for mean in table]
        for name, style in zip(NAMES, (":", "-", "--"), strict=True):
            passing.plot(means, [100 * row[name].passing for row in table.values()], style, label=name)
            runs.plot(means, [row[name].runs for row in table.values()], style)
        for axes in (passing, runs):
            axes.axvline(100 * rules.accuracy, color="grey", linewidth=0.8)
        passing.set_ylabel("chance of passing, %")
        passing.legend()
        runs.set_ylabel("runs, mean")
        runs.set_xlabel("accuracy that the recipe holds on average, %")
        figure.tight_layout()
        figure.savefig(path, format="svg", metadata={"Date": None})


@click.command(name="sequential-test")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@report_errors
def sequential_test(folder: Path) -> None:
    """Write the page about the rule near the threshold, and its plot, to FOLDER."""
    rules = load_rules("challenge")
    table = {
        mean: {name: chances(alternative, mean) for name, alternative in alternatives(rules).items()} for mean in MEANS
    }
    write_atomically(folder / "sequential-test.md", page(rules, table))
    plot(folder / "sequential-test.svg", rules, table)
