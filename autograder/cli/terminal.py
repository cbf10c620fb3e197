"""What one grading prints: progress on stderr, then the verdict with its reasons on stdout."""

from __future__ import annotations

from typing import Self

import click
from tqdm import tqdm

from autograder.console import VERDICT_COLORS, printable
from autograder.store.records import Result
from autograder.workers.messages import Progress, RunStarted
from course.errors import plural
from course.inspection.record import Inspection
from course.notebook import log_line
from course.rules import PACKAGED, rules_file
from course.training.results import EpochResult


class GradingDisplay:
    """A listener that prints a line per stage, a bar during an epoch and a line after it; with `quiet`, nothing.

    A context manager.
    """

    def __init__(self, *, quiet: bool = False):
        self._quiet = quiet
        self._bar: tqdm | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close_bar()

    def stage(self, text: str) -> None:
        self._print(f"... {text}")

    def run_started(self, number: int, seed: int, started: RunStarted) -> None:
        resumed = f", resumed after epoch {started.resumed}" if started.resumed else ""
        self._print(f"... training run {number} (seed {seed}) on {started.device}: {started.device_name}{resumed}")

    def progress(self, progress: Progress) -> None:
        if self._quiet:
            return
        if self._bar is None:
            self._bar = tqdm(total=progress.steps, desc=f"EPOCH {progress.epoch}", unit="step", leave=False)
        self._bar.update(progress.step - self._bar.n)

    def epoch(self, result: EpochResult) -> None:
        self._close_bar()
        self._print(f"EPOCH: {result.epoch}  {log_line(result)}")

    def _print(self, text: str) -> None:
        if not self._quiet:
            click.echo(text, err=True)

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def print_verdict(result: Result) -> None:
    """The verdict with its reasons, after the counts and the runs that it rests on."""
    if result.inspection:
        _print_counts(result.inspection)
    for run in result.runs:
        accuracies = " ".join(f"{epoch.accuracy:.2%}"[:-1] for epoch in run.epochs)
        click.echo(
            f"seed {run.seed} on {run.device}, {plural(run.threads, 'thread')}, {run.seconds:,.0f} s: {accuracies}"
        )
    _print_headline(result, " (borderline: the seeds did not agree)" if result.borderline else "")
    if rules_file() != PACKAGED:
        click.echo(f"rules: {printable(str(rules_file()))}")
    click.echo(f"isolation: {result.isolation}; " + ", ".join(f"{k} {v}" for k, v in result.versions.items()))


def print_inspection(result: Result) -> None:
    """The counts, the layers, and whether the recipe may be trained."""
    if result.inspection:
        _print_counts(result.inspection)
        click.echo(f"{'layer':<24} {'operator':<20} {'output':<14} {'parameters':>10} {'sees (px)':>9}")
        for layer in result.inspection.layers:
            shape = "x".join(map(str, layer.shape))
            parameters = f"{layer.parameters:,}" if layer.parameters else ""
            click.echo(f"{layer.name:<24} {layer.operator:<20} {shape:<14} {parameters:>10} {layer.receptive_field:>9}")
    if result.reasons:
        _print_headline(result)
    else:
        click.secho(f"\nMay be trained: {printable(result.submission)}, {result.assignment}", fg="green", bold=True)


def _print_counts(inspection: Inspection) -> None:
    for line in (*inspection.summary(), *(f"remark: {advice}" for advice in inspection.advice)):
        click.echo(printable(line, 500))


def _print_headline(result: Result, remark: str = "") -> None:
    click.secho(
        f"\n{result.verdict.upper()}{remark}: {printable(result.submission)}, {result.assignment}",
        fg=VERDICT_COLORS[result.verdict],
        bold=True,
    )
    for reason in result.reasons:
        click.echo(f"  - {printable(reason)}")
