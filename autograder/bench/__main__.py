"""`make bench`: runs all measurements, and keeps them as a dated JSON file with a plot."""

from __future__ import annotations

import datetime
import json
import os
import platform
from dataclasses import asdict
from pathlib import Path

import click

from autograder import sandbox
from autograder.bench.chart import save_chart
from autograder.bench.isolation import measure_capture
from autograder.bench.record import LESSONS, BenchRecord, ModelRecord, Summaries, summarize
from autograder.bench.speed import Size, measure_epochs, profile_kernels
from autograder.console import report_errors
from autograder.store.records import software_versions
from course import data
from course.files import write_atomically
from course.training.hardware import processor_name


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--rounds", default=7, show_default=True, help="Rounds of each measurement; they alternate.")
@click.option("--steps", default=40, show_default=True, help="Training steps in a round.")
@click.option("--only", type=click.Choice(["isolation", "speed"]), help="Run only this measurement.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=Path("docs/bench"),
    show_default=True,
    help="Where to write the JSON file and the plot.",
)
@report_errors
def main(rounds: int, steps: int, only: str | None, folder: Path) -> None:
    """Measure how fast grading is on this machine, which takes about 15 minutes. Run nothing else meanwhile."""
    data.ensure()
    record: BenchRecord = {
        "date": datetime.date.today().isoformat(),
        "machine": _machine(),
        "versions": software_versions(),
    }
    if only != "isolation":
        size = Size(rounds=rounds, steps=steps)
        record["size"] = asdict(size)
        record["models"] = {name: _measure_model(name, _solution(lesson), size) for name, lesson in LESSONS.items()}
    if only != "speed":
        record["isolation"] = _measure_isolation(rounds)
    path = folder / f"{record['date']}.json"
    write_atomically(path, json.dumps(record, indent=1) + "\n")
    click.echo(f"\nwritten to {path}")
    if "models" in record:
        save_chart(record, path.with_suffix(".png"))
        click.echo(f"plot in {path.with_suffix('.png')}")


def _solution(lesson: str) -> Path:
    return Path("solutions", lesson, f"{lesson}.ipynb")


def _machine() -> dict[str, str | int | None]:
    return {
        "processor": processor_name(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def _measure_model(name: str, file: Path, size: Size) -> ModelRecord:
    click.echo(f"\n{name}: seconds of an epoch, projected from {size.steps} steps, and times faster")
    epochs = measure_epochs(file, size, os.cpu_count() or 1)
    seconds = {
        "published": epochs.published,
        "ours": epochs.ours,
        "ours on one core": epochs.on_one_core,
        **{f"queue of {count}": times for count, times in epochs.queues.items()},
    }
    record: ModelRecord = {
        "seconds": _summarize_all(seconds),
        "times faster": _summarize_all(epochs.speedups()),
        "shares of a step": _summarize_all(epochs.shares),
        "kernels": [(kernel, round(share, 4)) for kernel, share in profile_kernels(file)],
    }
    _print("seconds", record["seconds"])
    _print("times faster", record["times faster"])
    _print("shares of a step", record["shares of a step"])
    for kernel, share in record["kernels"]:
        click.echo(f"  {share:6.1%}  {kernel}")
    return record


def _measure_isolation(rounds: int) -> Summaries:
    click.echo(f"\ncapturing the challenge's recipe; isolation tier {sandbox.best_tier()}")
    summaries = _summarize_all(measure_capture(_solution("challenge"), rounds))
    _print("seconds", summaries)
    return summaries


def _summarize_all(measurements: dict[str, list[float]]) -> Summaries:
    return {name: summarize(values) for name, values in measurements.items()}


def _print(heading: str, summaries: Summaries) -> None:
    for name, summary in summaries.items():
        click.echo(
            f"  {f'{heading}: {name}':<36} median {summary['median']:7.2f}   "
            f"{summary['min']:.2f} to {summary['max']:.2f}   n {summary['n']}"
        )


if __name__ == "__main__":
    main()
