"""Taking in one honest submission, from its source to its spec: what the sandbox adds.

In the sandbox, cold (a process of its own) and warm (a fresh locked child of a process that has PyTorch loaded), and
without a sandbox. Rounds alternate, so that a busy moment falls on all of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from autograder import sandbox
from autograder.grading.recipe_sandbox import RecipeSandbox
from autograder.grading.submission import read_recipe_source

IMPORT = ["-c", "from autograder.sandbox import lockdown; import torch; lockdown()"]


def timed(action: Callable[[], object]) -> float:
    """Seconds on the clock."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def measured(path: Path, rounds: int) -> dict[str, list[float]]:
    """Seconds of each round for each way of taking in the submission."""
    source = read_recipe_source(path).source
    tier = sandbox.best_tier()
    times: dict[str, list[float]] = {"cold": [], "of it importing torch": [], "no sandbox": [], "warm": []}
    with RecipeSandbox(tier) as cold, RecipeSandbox(sandbox.Tier.NONE) as bare, RecipeSandbox(tier, warm=True) as warm:
        warm.capture(source)  # its mother process starts with the first request
        for _ in range(rounds):
            times["cold"].append(timed(lambda: cold.capture(source)))
            times["of it importing torch"].append(timed(lambda: sandbox.run(IMPORT, tier=tier)))
            times["no sandbox"].append(timed(lambda: bare.capture(source)))
            times["warm"].append(timed(lambda: warm.capture(source)))
    return times
