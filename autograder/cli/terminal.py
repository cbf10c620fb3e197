"""What a person sees in a terminal: progress while a submission is graded, then the verdict with its reasons."""

from __future__ import annotations

import contextlib

import click
from tqdm import tqdm

from autograder.console import printable
from autograder.store.records import Result
from autograder.workers.messages import Progress, RunStarted
from course.notebook import log_line
from course.training.results import EpochResult

COLOURS = {"pass": "green", "borderline": "yellow", "internal": "magenta"}


class Terminal(contextlib.AbstractContextManager):
    """Listens to a grading and tells it on stderr: a line a stage, a bar an epoch, then the epoch's line."""

    def __init__(self, *, quiet: bool = False):
        self._quiet = quiet
        self._bar: tqdm | None = None

    def __exit__(self, *_) -> None:
        self._close()

    def stage(self, text: str) -> None:
        self._tell(f"... {text}")

    def run_started(self, number: int, seed: int, started: RunStarted) -> None:
        resumed = f", going on after epoch {started.resumed}" if started.resumed else ""
        self._tell(f"... training run {number} (seed {seed}) on {started.device}: {started.device_name}{resumed}")

    def progress(self, progress: Progress) -> None:
        if self._quiet:
            return
        if self._bar is None:
            self._bar = tqdm(total=progress.steps, desc=f"EPOCH {progress.epoch}", unit="step", leave=False)
        self._bar.update(progress.step - self._bar.n)

    def epoch(self, result: EpochResult) -> None:
        self._close()
        self._tell(f"EPOCH: {result.epoch}  {log_line(result)}")

    def _tell(self, text: str) -> None:
        if not self._quiet:
            click.echo(text, err=True)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def verdict(result: Result) -> None:
    """The verdict, its reasons, and what it rests on."""
    if result.inspection:
        _counts(result)
    for run in result.runs:
        accuracies = " ".join(f"{e.accuracy:.2%}"[:-1] for e in run.epochs)
        click.echo(f"seed {run.seed} on {run.device}, {run.threads} thread(s), {run.seconds:,.0f} s: {accuracies}")
    word = result.verdict.upper() + (" (borderline: the seeds did not agree)" if result.borderline else "")
    click.secho(
        f"\n{word}: {printable(result.submission)}, {result.assignment}",
        fg=COLOURS.get(result.verdict, "red"),
        bold=True,
    )
    _reasons(result)
    click.echo(f"isolation: {result.isolation}; " + ", ".join(f"{k} {v}" for k, v in result.versions.items()))


def inspection(result: Result) -> None:
    """Counts, layers and work, then whether it may be trained."""
    if result.inspection:
        _counts(result)
        click.echo(f"{'layer':<24} {'operator':<20} {'output':<14} {'parameters':>10} {'sees (px)':>9}")
        for layer in result.inspection.layers:
            shape = "x".join(map(str, layer.shape))
            numbers = f"{layer.parameters:,}" if layer.parameters else ""
            click.echo(f"{layer.name:<24} {layer.operator:<20} {shape:<14} {numbers:>10} {layer.receptive_field:>9}")
    if result.reasons:
        click.secho(
            f"\n{result.verdict.upper()}: {printable(result.submission)}, {result.assignment}", fg="red", bold=True
        )
        _reasons(result)
    else:
        click.secho(f"\nMay be trained: {printable(result.submission)}, {result.assignment}", fg="green", bold=True)


def _counts(result: Result) -> None:
    found = result.inspection
    click.echo(f"parameters counted: {found.counted:,} ({found.describe_count()})")
    click.echo(
        f"one step at batch size {found.batch_size}: {found.work.flops / 1e9:.2f} GFLOP, "
        f"{found.work.elements / 1e6:.0f} million elements touched; receptive field {found.receptive_field} px"
    )


def _reasons(result: Result) -> None:
    for reason in result.reasons:
        click.echo(f"  - {printable(reason)}")
