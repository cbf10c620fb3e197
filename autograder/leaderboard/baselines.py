"""What students compare themselves with: the published models, and the course's own recipe with each of its seeds."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from autograder.calibration import calibration_file, load_calibration
from autograder.leaderboard.ranking import LeaderboardRow, held_accuracy, holds_accuracy, median_run
from autograder.store import RunSummary
from course.recipe import TEST_IMAGES
from course.rules import Rules, judge, load_rules

PUBLISHED = Path(__file__).parent / "published.toml"
LEAK = "Its schedule watches the test loss, which the rules refuse."


@cache
def baselines(assignment: str) -> tuple[LeaderboardRow, ...]:
    """The published models, for a lesson only its own, and the course's recipe if it was calibrated."""
    rules = load_rules(assignment)
    if (rules.data, rules.train_images) != ("mnist", None):
        return ()  # they were trained on all of MNIST
    rows = []
    for number, model in enumerate(tomllib.loads(PUBLISHED.read_text(encoding="utf-8"))["model"]):
        if assignment in ("challenge", model["lesson"]):
            refusal = LEAK if model.get("leak", False) and not rules.allow_leaks else ""
            runs = [_run(model["correct"])]
            rows.append(_row(f"b{number}", model["name"], model["counted"], runs, rules, refusal))
    if (file := calibration_file(assignment)).exists():
        calibration = load_calibration(file)
        runs = [_run(correct, seed, "cpu") for seed, correct in sorted(calibration.runs.items())]
        rows.append(_row("reference", "the course's own recipe", calibration.counted, runs, rules))
    return tuple(rows)


def _run(correct: Sequence[int], seed: int = 0, device: str = "") -> RunSummary:
    return RunSummary(id=0, seed=seed, device=device, seconds=0.0, correct=tuple(correct), total=TEST_IMAGES)


def _row(key: str, name: str, counted: int, runs: list[RunSummary], rules: Rules, refusal: str = "") -> LeaderboardRow:
    """`refusal` says why the rules refuse it, besides its number of parameters. At least one run is needed."""
    if counted > rules.max_parameters:
        refusal = f"{counted:,} parameters, and fewer than {rules.max_parameters + 1:,} are allowed."
    judgement = judge(rules, [run.counts for run in runs], seeds=len(runs))
    run = median_run(runs, rules.hold)
    assert run is not None  # `judge` raises without a run
    return LeaderboardRow(
        key,
        name,
        baseline=True,
        verdict="refused" if refusal else judgement.verdict,
        borderline=judgement.seeds_disagree and not refusal,
        reason=refusal or " ".join(judgement.reasons),
        counted=counted,
        **held_accuracy(run.counts, rules, run.total),
        correct=run.correct,
        passed=sum(holds_accuracy(run, rules) for run in runs),
        seeds=len(runs),
        device=run.device,
    )
