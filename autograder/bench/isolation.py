"""What the sandbox adds to the capture of one honest submission, from its source to its spec.

In the sandbox: cold (a new process) and warm (a process forked from one that has PyTorch loaded). Without it: a new
process too. Rounds alternate between them, so that other load on the machine affects all of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from autograder import sandbox
from autograder.grading.read_submission import read_recipe_source
from autograder.grading.recipe_sandbox import RecipeSandbox

IMPORT_TORCH = ["-c", "from autograder.sandbox import lockdown; import torch; lockdown()"]


def measure_capture(path: Path, rounds: int) -> dict[str, list[float]]:
    """Way of capturing the submission in `path` -> seconds, one number for each round."""
    source = read_recipe_source(path)
    tier = sandbox.best_tier()
    with RecipeSandbox(tier) as cold, RecipeSandbox(sandbox.Tier.NONE) as bare, RecipeSandbox(tier, warm=True) as warm:
        warm.capture(source)  # the fork server starts with the first request
        actions: dict[str, Callable[[], object]] = {
            "cold": lambda: cold.capture(source),
            "of it importing torch": lambda: sandbox.run(IMPORT_TORCH, tier=tier),
            "no sandbox": lambda: bare.capture(source),
            "warm": lambda: warm.capture(source),
        }
        times: dict[str, list[float]] = {name: [] for name in actions}
        for _ in range(rounds):
            for name, action in actions.items():
                start = time.perf_counter()
                action()
                times[name].append(time.perf_counter() - start)
    return times
