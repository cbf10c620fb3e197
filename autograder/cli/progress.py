"""What a batch prints: a live table on a terminal, or a line per submission elsewhere, and a summary at the end."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Collection, Iterable
from typing import Self

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from autograder.batch import BatchSummary, Outcome, SubmissionFile
from autograder.batch.outcome import describe_verdicts
from autograder.console import VERDICT_COLORS, format_duration, printable
from autograder.console.rich_console import RichConsole
from autograder.store import SharedRecipe
from autograder.workers.messages import Progress, RunStarted
from course.errors import plural
from course.training.results import EpochResult

MAX_ROWS = 24  # workers that the table shows
RECENT = 50  # submissions from which the rate is computed


class BatchProgress:
    """The ProgressDisplay of a batch, on stderr; with `quiet`, nothing. A context manager."""

    def __init__(self, total: int, *, quiet: bool = False):
        self._console = RichConsole(stderr=True, quiet=quiet)
        self._total = total
        self._verdicts: Counter[str] = Counter()
        self._rows: dict[int, _WorkerRow] = {}  # by the worker's number
        self._finish_times = deque([time.monotonic()], maxlen=RECENT)  # the first is the start of the batch
        self._lock = threading.Lock()
        self._print_lock = threading.Lock()  # keeps the lines in the order of their numbers
        live = self._console.is_terminal and not quiet
        self._live = Live(self, console=self._console, refresh_per_second=4, transient=True) if live else None

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    @property
    def verdicts(self) -> Counter[str]:
        """How often each verdict was given so far."""
        return self._verdicts

    def began(self, worker: int, submission: SubmissionFile) -> None:
        with self._lock:
            self._rows[worker] = _WorkerRow(submission)

    def listener(self, worker: int) -> _WorkerRow:
        return self._rows[worker]

    def deferred(self, worker: int) -> None:
        with self._lock:
            del self._rows[worker]

    def finished(self, worker: int, outcome: Outcome) -> None:
        with self._print_lock:
            with self._lock:
                self._rows.pop(worker, None)
                self._verdicts[outcome.verdict] += 1
                self._finish_times.append(time.monotonic())
                number = f"[{self._verdicts.total()}/{self._total}] "
            # without self._lock: printing waits for a refresh of the table, and that waits for self._lock
            self._console.print(outcome_line(outcome, number), soft_wrap=True)

    def __rich__(self) -> Group:
        """The table as it is now; rich calls this."""
        with self._lock:
            rows = [self._rows[worker] for worker in sorted(self._rows)]
            done, verdicts = self._verdicts.total(), describe_verdicts(self._verdicts)
            seconds_each = self._seconds_each()
        rate = "no rate yet"
        if seconds_each:
            left = format_duration(seconds_each * (self._total - done))
            rate = f"{60 / seconds_each:.1f} a minute, {left} left"
        head = Table.grid()  # gives each its line, which a ProgressBar does not end itself
        head.add_row(ProgressBar(total=self._total, completed=done, width=60))
        head.add_row(Text(f"{done} of {self._total} graded ({verdicts}); {rate}"))
        return Group(head, _table(rows))

    def _seconds_each(self) -> float:
        """Between two of the recent results; 0 before the first."""
        done = self._verdicts.total()
        if not done:
            return 0.0
        intervals = len(self._finish_times) - (done < RECENT)
        return (time.monotonic() - self._finish_times[0]) / max(1, intervals)


def _table(rows: list[_WorkerRow]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("student", "assignment", "", "epoch", "", "for"):
        table.add_column(heading, style="dim" if heading == "for" else "")
    for row in rows[:MAX_ROWS]:
        table.add_row(*row.cells())
    if len(rows) > MAX_ROWS:
        table.add_row(f"and {len(rows) - MAX_ROWS} more")
    return table


class _WorkerRow:
    """The row of one worker: the listener of the submission that it is grading."""

    def __init__(self, submission: SubmissionFile):
        self._submission, self._start = submission, time.monotonic()
        self._stage, self._epoch = "", ""
        self._step, self._steps = 0, 1

    def stage(self, text: str) -> None:
        self._stage = text

    def run_started(self, number: int, seed: int, started: RunStarted) -> None:
        resumed = f", from epoch {started.resumed + 1}" if started.resumed else ""
        self._stage = f"run {number} on {started.device}{resumed}"

    def progress(self, progress: Progress) -> None:
        self._epoch, self._step, self._steps = str(progress.epoch), progress.step, progress.steps

    def epoch(self, result: EpochResult) -> None:
        self._epoch = f"{result.epoch}: {result.accuracy:.2%}"

    def cells(self) -> tuple[RenderableType, ...]:
        return (
            Text(printable(self._submission.student, 24)),
            Text(self._submission.assignment),
            Text(printable(self._stage, 60)),
            self._epoch,
            ProgressBar(total=self._steps, completed=self._step, width=16),
            format_duration(time.monotonic() - self._start),
        )


def outcome_line(outcome: Outcome, prefix: str = "") -> Text:
    """One submission in one line."""
    verdict = outcome.verdict + ("?" if outcome.borderline else "")
    text = Text(prefix).append(f"{verdict:<10}", VERDICT_COLORS.get(outcome.verdict, ""))
    text.append(f" {printable(outcome.student, 40)}, {outcome.assignment}: ")
    if outcome.best is not None and outcome.total is not None:
        text.append(f"{outcome.counted:,} parameters, best {outcome.best / outcome.total:.2%}, ")
        text.append(plural(outcome.runs, "run"))
    else:
        text.append(printable(outcome.reasons[0] if outcome.reasons else "", 300))
    return text


def print_summary(
    summary: BatchSummary, shared_recipes: Iterable[SharedRecipe], store: str, left_out: Collection[str] = ()
) -> None:
    """Print the end of a batch on stdout; `store` is the name of the store."""
    took, verdicts = format_duration(summary.seconds), describe_verdicts(summary.verdicts)
    lines = [Text(f"{plural(len(summary.outcomes), 'submission')} in {took}: {verdicts}.")]
    for outcome in summary.outcomes:
        if outcome.verdict == "internal":
            lines.append(outcome_line(outcome, "  not the student's fault, graded again next time: "))
    for recipe in shared_recipes:
        names = ", ".join(printable(student, 40) for student in recipe.students)
        lines.append(Text(f"  the same recipe ({recipe.spec_hash[:12]}): {names}"))
    if left_out:
        lines.append(Text(f"  left out, and named above: {len(left_out)}, which may be somebody's work", "yellow"))
    lines.append(Text(f"All results are in the store {store}."))
    console = RichConsole()
    for line in lines:
        console.print(line, soft_wrap=True)
