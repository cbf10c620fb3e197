"""What an instructor sees while a class is graded: a live table on a terminal, a line for each submission elsewhere."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from autograder.batch.local import BatchSummary, Outcome
from autograder.batch.submissions import SubmissionFile
from autograder.console import printable
from autograder.workers.messages import Progress, RunStarted
from course.training.results import EpochResult

STYLES = {
    "pass": "green",
    "fail": "red",
    "refused": "red",
    "error": "red",
    "borderline": "yellow",
    "internal": "magenta",
}
ROWS = 24  # workers that are shown; the others work unseen
RECENT = 50  # submissions from which the rate is taken


class BatchProgress:
    """A batch's ProgressDisplay, told on stderr. A context manager; `quiet` says nothing at all."""

    def __init__(self, total: int, *, quiet: bool = False):
        self._console = Console(stderr=True, quiet=quiet, highlight=False)
        self._total, self._verdicts = total, Counter()
        self._rows: dict[int, _WorkerRow] = {}
        self._ends: deque[float] = deque([time.monotonic()], maxlen=RECENT)
        self._lock = threading.Lock()
        live = self._console.is_terminal and not quiet
        self._live = Live(self, console=self._console, refresh_per_second=4, transient=True) if live else None

    def __enter__(self) -> BatchProgress:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_) -> None:
        if self._live:
            self._live.stop()

    def listener(self, worker: int) -> _WorkerRow:
        return self._rows[worker]

    def began(self, worker: int, submission: SubmissionFile) -> None:
        with self._lock:
            self._rows[worker] = _WorkerRow(submission)

    def defer(self, worker: int) -> None:
        with self._lock:
            del self._rows[worker]

    def finished(self, worker: int, outcome: Outcome) -> None:
        with self._lock:
            self._rows.pop(worker, None)
            self._verdicts[outcome.verdict] += 1
            self._ends.append(time.monotonic())
            self._console.print(line(outcome, f"[{self._verdicts.total()}/{self._total}] "), soft_wrap=True)

    def __rich__(self) -> Group:
        """The table, as rich asks for it."""
        with self._lock:
            workers, done = [self._rows[number] for number in sorted(self._rows)], self._verdicts.total()
            pace = done and (time.monotonic() - self._ends[0]) / max(1, len(self._ends) - (done < RECENT))
            verdicts = ", ".join(f"{count} {word}" for word, count in self._verdicts.most_common())
        table = Table(box=None, pad_edge=False)
        for heading in ("student", "assignment", "", "epoch", "", "for"):
            table.add_column(heading, style="dim" if heading == "for" else "")
        for worker in workers[:ROWS]:
            table.add_row(*worker.row())
        if len(workers) > ROWS:
            table.add_row(f"and {len(workers) - ROWS} more")
        left = f"{60 / pace:.1f} a minute, {span(pace * (self._total - done))} left" if pace else "no rate yet"
        return Group(
            ProgressBar(total=self._total, completed=done, width=60),
            Text(f"{done} of {self._total} graded ({verdicts or 'none'}); {left}"),
            table,
        )


class _WorkerRow:
    """What one worker is at: the Listener of its submission."""

    def __init__(self, submission: SubmissionFile):
        self._submission, self._since = submission, time.monotonic()
        self._stage, self._epoch, self._step = "", "", (0, 1)

    def stage(self, text: str) -> None:
        self._stage = text

    def run_started(self, number: int, seed: int, started: RunStarted) -> None:
        again = f", from epoch {started.resumed + 1}" if started.resumed else ""
        self._stage = f"run {number} on {started.device}{again}"

    def progress(self, progress: Progress) -> None:
        self._epoch, self._step = str(progress.epoch), (progress.step, progress.steps)

    def epoch(self, result: EpochResult) -> None:
        self._epoch = f"{result.epoch}: {result.accuracy:.2%}"

    def row(self) -> tuple:
        step, steps = self._step
        return (
            Text(printable(self._submission.student, 24)),
            Text(self._submission.assignment),
            Text(printable(self._stage, 60)),
            self._epoch,
            ProgressBar(total=steps, completed=step, width=16),
            span(time.monotonic() - self._since),
        )


def line(outcome: Outcome, before: str = "") -> Text:
    """One submission in one line."""
    word = outcome.verdict + ("?" if outcome.borderline else "")
    text = Text(before).append(f"{word:<10}", STYLES.get(outcome.verdict, ""))
    text.append(f" {printable(outcome.student, 40)}, {outcome.assignment}: ")
    if outcome.best is not None:
        text.append(f"{outcome.counted:,} parameters, best {outcome.best / outcome.total:.2%}, {outcome.runs} run")
        text.append("s" * (outcome.runs > 1))
    else:
        text.append(printable(outcome.reasons[0] if outcome.reasons else "", 300))
    return text


def print_summary(told: BatchSummary, shared: list, store: str) -> None:
    """The end of a batch, on stdout."""
    console = Console(highlight=False)
    counts = ", ".join(f"{count} {word}" for word, count in told.verdicts.items())
    console.print(f"{len(told.outcomes)} submissions in {span(told.seconds)}: {counts or 'none'}.", soft_wrap=True)
    for outcome in told.outcomes:
        if outcome.verdict == "internal":
            console.print(line(outcome, "  our fault, graded again next time: "), soft_wrap=True)
    for one in shared:
        names = ", ".join(printable(student, 40) for student in one.students)
        console.print(Text(f"  the same recipe ({one.spec_hash[:12]}): {names}"), soft_wrap=True)
    console.print(Text(f"Everything is in the store {store}."), soft_wrap=True)


def span(seconds: float) -> str:
    """1:02:03, or 2:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
