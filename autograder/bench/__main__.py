"""`make bench`: everything below, one after the other, kept as a dated file with a plot."""

from __future__ import annotations

import datetime
import json
import os
import platform
from dataclasses import asdict
from pathlib import Path

import click

from autograder import sandbox
from autograder.bench import chart, isolation, speed
from autograder.store.records import versions
from autograder.workers.trainer import processor
from course import data

LESSONS = {
    "Model 1": "lesson1_baseline",
    "Model 2": "lesson3_dropout",
    "Model 3": "lesson4_schedulers",
    "challenge": "challenge",
}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--rounds", default=7, show_default=True, help="Rounds of each measurement; they alternate.")
@click.option("--steps", default=40, show_default=True, help="Training steps in a round.")
@click.option("--only", type=click.Choice(["isolation", "speed"]), help="Measure only this.")
@click.option(
    "--folder", type=click.Path(path_type=Path), default=Path("docs/bench"), show_default=True, help="Where it is kept."
)
def main(rounds: int, steps: int, only: str | None, folder: Path) -> None:
    """Measure how fast grading is on this machine. Leave the machine alone meanwhile: about 15 minutes."""
    data.ensure()
    size = speed.Size(rounds=rounds, steps=steps)
    kept = {"date": datetime.date.today().isoformat(), "machine": _machine(), "versions": versions()}
    if only != "isolation":
        kept |= {"size": asdict(size), "models": {}}
        for name, lesson in LESSONS.items():
            kept["models"][name] = _model(name, Path("solutions", lesson, f"{lesson}.ipynb"), size)
    if only != "speed":
        kept["isolation"] = _isolation(rounds)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{kept['date']}.json"
    path.write_text(json.dumps(kept, indent=1) + "\n")
    click.echo(f"\nkept in {path}")
    if "models" in kept:
        chart.save(kept, path.with_suffix(".png"))
        click.echo(f"plot in {path.with_suffix('.png')}")


def _machine() -> dict:
    return {"processor": processor(), "cores": os.cpu_count(), "system": f"{platform.system()} {platform.machine()}"}


def _model(name: str, file: Path, size: speed.Size) -> dict:
    click.echo(f"\n{name}: seconds of an epoch, projected from {size.steps} steps, and times faster")
    measured = speed.compared(file, size, os.cpu_count() or 1)
    found = {
        "seconds": {
            "published": speed.summary(measured.published),
            "ours": speed.summary(measured.ours),
            **{f"queue of {count}": speed.summary(seconds) for count, seconds in measured.queues.items()},
        },
        "times faster": {what: speed.summary(values) for what, values in measured.ratios().items()},
        "shares of a step": {part: speed.summary(values) for part, values in measured.shares.items()},
        "operators": [[operator, round(share, 4)] for operator, share in speed.operators(file)],
    }
    for heading in ("seconds", "times faster", "shares of a step"):
        for what, values in found[heading].items():
            _tell(f"{heading}: {what}", values)
    for operator, share in found["operators"]:
        click.echo(f"  {share:6.1%}  {operator}")
    return found


def _isolation(rounds: int) -> dict:
    click.echo(f"\ntaking in the challenge's notebook; isolation tier {sandbox.best_tier()}")
    file = Path("solutions/challenge/challenge.ipynb")
    found = {what: speed.summary(values) for what, values in isolation.measured(file, rounds).items()}
    for what, values in found.items():
        _tell(f"seconds: {what}", values)
    return found


def _tell(what: str, values: dict) -> None:
    click.echo(
        f"  {what:<36} median {values['median']:7.2f}   {values['min']:.2f} to {values['max']:.2f}   n {values['n']}"
    )


if __name__ == "__main__":
    main()
