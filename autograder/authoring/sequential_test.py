"""What a second look at near cases costs, and how often it errs: `python -m autograder.authoring.sequential_test docs`.

Writes sequential-test.md, a table, and sequential-test.svg, its plot. The chances are exact for the model that the
page states, and come out of `course.rules.judge` itself: whatever the rule is there, the page says what it does.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import click

from course.rules import Rules, judge, load_rules

TOTAL = 10_000
SPREAD = 5.5  # images, from seed to seed of one recipe: 0.05-0.06 points
MEANS = range(9920, 9961, 2)  # correct of TOTAL that a recipe holds on average
NAMES = ("one run", "the rule", "always three runs")


@dataclass(frozen=True)
class Chances:
    """Of a recipe: to pass, to be shown as borderline or to pass or fail by a split, and the mean number of runs."""

    passing: float
    split: float
    runs: float


def chances(rules: Rules, mean: float, spread: float = SPREAD) -> Chances:
    """For a recipe whose held level is `mean` on average, normally spread from seed to seed by `spread`, in images."""
    ends = list(_ends(rules, _levels(mean, spread), (), 1.0))
    return Chances(
        passing=sum(chance for chance, judgement, _ in ends if judgement.verdict == "pass"),
        split=sum(chance for chance, judgement, _ in ends if judgement.seeds_disagree),
        runs=sum(chance * runs for chance, _, runs in ends),
    )


def alternatives(rules: Rules) -> dict[str, Rules]:
    """The rule, and what it could be instead: one run always, or all runs always."""
    return {NAMES[0]: replace(rules, seeds=1), NAMES[1]: rules, NAMES[2]: replace(rules, near=1.0)}


def _ends(rules: Rules, levels: dict[int, float], runs: tuple[int, ...], chance: float) -> Iterator[tuple]:
    """Every way in which the runs can come out: its chance, its judgement and its number of runs."""
    for level, likely in levels.items():
        now = (*runs, level)
        judgement = judge(rules, [[one] * rules.hold for one in now], total=TOTAL)
        if judgement.needs_another_seed:
            yield from _ends(rules, _coarse(levels, rules.needed(TOTAL)), now, chance * likely)
        else:
            yield chance * likely, judgement, len(now)


def _levels(mean: float, spread: float) -> dict[int, float]:
    """The chance of each held level, within six standard deviations."""

    def below(level: float) -> float:
        return 0.5 * (1 + math.erf((level - mean) / (spread * math.sqrt(2))))

    reach = round(6 * spread) + 1
    levels = range(round(mean) - reach, min(round(mean) + reach, TOTAL) + 1)
    found = {level: below(level + 0.5) - below(level - 0.5) for level in levels}
    return {level: chance / sum(found.values()) for level, chance in found.items()}


def _coarse(levels: dict[int, float], needed: int) -> dict[int, float]:
    """Of a further run only what it says matters: held, or not."""
    held = sum(chance for level, chance in levels.items() if level >= needed)
    return {needed: held, needed - 1: 1 - held}


def page(rules: Rules, table: dict[int, dict[str, Chances]]) -> str:
    needed = rules.needed(TOTAL)
    lines = [
        "# A second look: what it costs and how often it errs",
        "",
        "<!-- made by `python -m autograder.authoring.sequential_test docs` -->",
        "",
        f"A recipe passes when it holds {needed:,} of {TOTAL:,} in {rules.hold} consecutive epochs. One run decides",
        f"when it holds a level further than {rules.near * TOTAL:.0f} images from that; else up to {rules.seeds} seeds",
        "vote, and the majority decides. How often is that wrong, and how many runs does it take?",
        "",
        f"Model: the level that a run holds is normally spread around the recipe's own by {SPREAD / 100:.3f} points,",
        "the middle of what was seen from seed to seed (0.05 to 0.06 points). The chances below are exact for this",
        "model; every way in which the runs can come out was judged by `course.rules.judge`.",
        "",
        "![Chance of passing and number of runs, by the accuracy that a recipe holds on average](sequential-test.svg)",
        "",
        f"| holds on average | passes by {NAMES[0]} | passes by {NAMES[1]} | passes by {NAMES[2]} | runs, {NAMES[1]} "
        "| seeds disagree |",
        "|---|---|---|---|---|---|",
    ]
    for mean, row in table.items():
        cells = [f"{mean / TOTAL:.2%}", *(f"{row[name].passing:.1%}" for name in NAMES)]
        cells += [f"{row[NAMES[1]].runs:.2f}", f"{row[NAMES[1]].split:.1%}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def plot(path: Path, table: dict[int, dict[str, Chances]]) -> None:
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    with plt.rc_context({"svg.hashsalt": "under8k", "font.size": 9}):
        figure, (chance, runs) = plt.subplots(2, 1, figsize=(7, 6), sharex=True, height_ratios=(2, 1))
        means = [mean / 100 for mean in table]
        for name, style in zip(NAMES, (":", "-", "--"), strict=True):
            chance.plot(means, [100 * row[name].passing for row in table.values()], style, label=name)
            runs.plot(means, [row[name].runs for row in table.values()], style)
        chance.axvline(99.40, color="grey", linewidth=0.8)
        runs.axvline(99.40, color="grey", linewidth=0.8)
        chance.set_ylabel("chance of passing, %")
        chance.legend()
        runs.set_ylabel("runs, mean")
        runs.set_xlabel("accuracy that the recipe holds on average, %")
        figure.tight_layout()
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
def main(folder: Path) -> None:
    """Write the page and its plot to FOLDER."""
    rules = load_rules("challenge")
    kinds = alternatives(rules)
    table = {mean: {name: chances(kind, mean) for name, kind in kinds.items()} for mean in MEANS}
    (folder / "sequential-test.md").write_text(page(rules, table))
    plot(folder / "sequential-test.svg", table)


if __name__ == "__main__":
    main()
