"""What students measure themselves by: the published models, and the course's own recipe, seed by seed."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from autograder.calibration import load, path_of
from autograder.leaderboard.ranking import LeaderboardRow, curve, holds, median_run
from autograder.store import RunSummary
from course.rules import Rules, judge, load_rules

PUBLISHED = Path(__file__).parent / "published.toml"
LEAK = "Its schedule watches the test loss, which the rules refuse."


@cache
def baselines(assignment: str) -> tuple[LeaderboardRow, ...]:
    """The challenge has all published models, a lesson its own; each has the course's recipe, where it was trained."""
    rules = load_rules(assignment)
    found = []
    for number, model in enumerate(tomllib.loads(PUBLISHED.read_text())["model"]):
        if assignment in ("challenge", model["lesson"]):
            runs = [RunSummary(0, 0, "", 0.0, tuple(model["correct"]), 10_000)]
            found.append(
                _row(f"b{number}", model["name"], model["counted"], runs, rules, leak=model.get("leak", False))
            )
    if (path := path_of(assignment)).exists():
        kept = load(path)
        runs = [RunSummary(0, seed, "cpu", 0.0, tuple(correct), 10_000) for seed, correct in sorted(kept.runs.items())]
        found.append(_row("reference", "the course's own recipe", kept.counted, runs, rules))
    return tuple(found)


def _row(
    key: str, name: str, counted: int, runs: list[RunSummary], rules: Rules, *, leak: bool = False
) -> LeaderboardRow:
    refused = ""
    if counted > rules.max_parameters:
        refused = f"{counted:,} parameters, and fewer than {rules.max_parameters + 1:,} are allowed."
    elif leak and not rules.allow_leaks:
        refused = LEAK
    judgement = judge(rules, [run.counts for run in runs], seeds=len(runs))
    shown = median_run(runs, rules.hold)
    return LeaderboardRow(
        key,
        name,
        baseline=True,
        verdict="refused" if refused else judgement.verdict,
        borderline=judgement.seeds_disagree and not refused,
        reason=refused or " ".join(judgement.reasons),
        counted=counted,
        **curve(shown.counts, rules, shown.total),
        correct=shown.correct,
        passed=sum(holds(run, rules) for run in runs),
        seeds=len(runs),
        device=shown.device,
    )
