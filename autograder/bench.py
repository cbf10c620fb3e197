"""What things cost on this machine: `make bench`. Medians with n and spread, and ratios within one run.

Taking in one honest submission (the worked challenge), from its source to its spec: in the sandbox, cold (a process of
its own) and warm (a fresh locked child of a process that has PyTorch loaded), and without a sandbox. Rounds alternate,
so that a busy moment falls on all of them.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click

from autograder import sandbox
from autograder.intake import Intake
from autograder.submission import read_submission

IMPORT = ["-c", "from autograder.sandbox import lockdown; import torch; lockdown()"]


def timed(action: Callable[[], object]) -> float:
    """Seconds on the clock."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def isolation(path: Path, rounds: int) -> dict[str, list[float]]:
    """Seconds of each round for each way of taking in the submission."""
    source = read_submission(path).source
    tier = sandbox.probe()
    times: dict[str, list[float]] = {"cold": [], "of it importing torch": [], "no sandbox": [], "warm": []}
    with Intake(tier) as cold, Intake(sandbox.Tier.NONE) as bare, Intake(tier, warm=True) as warm:
        warm.capture(source)  # its mother process starts with the first request
        for _ in range(rounds):
            times["cold"].append(timed(lambda: cold.capture(source)))
            times["of it importing torch"].append(timed(lambda: sandbox.run(IMPORT, tier=tier)))
            times["no sandbox"].append(timed(lambda: bare.capture(source)))
            times["warm"].append(timed(lambda: warm.capture(source)))
    return times


@click.command()
@click.argument("file", type=click.Path(path_type=Path), default=Path("solutions/challenge/challenge.ipynb"))
@click.option("--rounds", default=10, show_default=True)
def main(file: Path, rounds: int) -> None:
    """Time how long FILE takes to be captured in isolation."""
    click.echo(f"isolation tier: {sandbox.probe()}; {os.cpu_count()} cores; Python {sys.version.split()[0]}")
    for name, seconds in isolation(file, rounds).items():
        spread = f"min {min(seconds):6.2f}   max {max(seconds):6.2f}   n {len(seconds)}"
        click.echo(f"{name:<24} median {statistics.median(seconds):6.2f} s   {spread}")


if __name__ == "__main__":
    main()
