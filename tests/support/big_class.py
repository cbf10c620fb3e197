"""Grade a class of honest variants with `autograder.batch.local` while its processes are killed, and measure it.

    python -m tests.support.big_class sqlite              # one batch, 20 random kills
    python -m tests.support.big_class postgresql          # two batches at once on a real server, 20 random kills
    python -m tests.support.big_class ray                 # a Ray cluster of two nodes, one killed after 100 results

Prints the time, the overhead of a submission around its training and, for one batch, the supervisor's memory after 10
and after all results; fails unless each student has exactly one result.
"""

import contextlib
import json
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click
import psutil

from autograder.batch.local import run_batch
from autograder.batch.submissions import find_submissions
from autograder.cli.progress import BatchProgress
from autograder.console import format_duration
from autograder.grading.options import Options, ReducedRun
from autograder.store import open_store
from tests.support.databases import postgresql
from tests.support.variants import submit

OPTIONS = Options(reduced=ReducedRun(1, 600, 500), seeds=1, device="cpu")


class Clock(BatchProgress):
    """Writes a line for each result: seconds, seconds of training, memory of this process in bytes."""

    def __init__(self, total: int, log: Path):
        super().__init__(total, quiet=True)
        self._log, self._trained = log, {}

    def listener(self, worker: int):
        return _Clocked(super().listener(worker), self._trained, worker)

    def began(self, worker, submission):
        self._trained[worker] = [None, None]
        super().began(worker, submission)

    def finished(self, worker, outcome):
        super().finished(worker, outcome)
        began, ended = self._trained[worker]
        trained = ended - began if ended else None
        memory = psutil.Process().memory_info().rss
        with self._log.open("a") as log:
            log.write(json.dumps([outcome.student, outcome.seconds, trained, memory]) + "\n")


class _Clocked:
    def __init__(self, listener, trained, worker):
        self._listener, self._trained, self._worker = listener, trained, worker

    def __getattr__(self, name):
        if name == "run_started":
            self._trained[self._worker][0] = time.monotonic()
        if name == "epoch":
            self._trained[self._worker][1] = time.monotonic()
        return getattr(self._listener, name)


@click.group()
def main() -> None:
    pass


@main.command("sqlite")
@click.option("--students", default=300)
@click.option("--kills", default=20)
def on_sqlite(students: int, kills: int) -> None:
    with submitted_class(students) as course:
        grade_with_kills(course, str(course / "results.db"), students, kills, batches=1)


@main.command("postgresql")
@click.option("--students", default=300)
@click.option("--kills", default=20)
def on_postgresql(students: int, kills: int) -> None:
    with submitted_class(students) as course, postgresql() as server:
        grade_with_kills(course, server.create_database(), students, kills, batches=2)


@main.command("ray")
@click.option("--students", default=300)
@click.option("--kill-after", default=100)
def on_ray(students: int, kill_after: int) -> None:
    with submitted_class(students) as course, postgresql() as server:
        url, began = server.create_database(), time.monotonic()
        cluster = [sys.executable, "-m", "tests.support.ray_cluster", str(course), url, str(kill_after)]
        said = subprocess.run(cluster, check=True, stdout=subprocess.PIPE, text=True).stdout
        summary = json.loads(said.splitlines()[-1])
        duration = format_duration(time.monotonic() - began)
        print(f"{students} submissions, {summary['nodes_left']} of 2 nodes left, {duration}")
        check_each_exactly_once(url, students)


@main.command(hidden=True)
@click.argument("course")
@click.argument("url")
def grade(course: str, url: str) -> None:
    """One batch, which may be killed."""
    submissions = find_submissions([Path(course)], None, "challenge").submissions
    with open_store(url) as store:
        verdicts = run_batch(submissions, OPTIONS, store, Clock(len(submissions), Path(course, "log"))).verdicts
    sys.exit(3 if "internal" in verdicts else 0)


@contextlib.contextmanager
def submitted_class(students: int) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield submit(Path(folder), students)


def grade_with_kills(course: Path, url: str, students: int, kills: int, batches: int) -> None:
    log, began = course / "log", time.monotonic()
    log.touch()
    command = [sys.executable, "-m", "tests.support.big_class", "grade", str(course), url]
    done = run_until_done([command] * batches, kills, students, log)
    print(f"{students} submissions, {batches} at once, {done} kills, {format_duration(time.monotonic() - began)}")
    report([json.loads(line) for line in log.read_text().splitlines()], students if batches == 1 else None)
    check_each_exactly_once(url, students)


def check_each_exactly_once(url: str, students: int) -> None:
    with open_store(url) as store:
        graded = store.results.graded_attempts()
        for attempt in graded:
            if len(attempt.result.runs) != 1:
                result = attempt.result
                print(f"{attempt.student}: {len(result.runs)} runs, {result.verdict}: {result.reasons}")
        assert [g.student for g in graded] == [f"student{n:03}" for n in range(students)]
        assert {g.attempts for g in graded} == {1}
        assert {len(g.result.runs) for g in graded} == {1}
        assert list(store.verify()) == []
        print(f"{len(graded)} results, each exactly once; {store.chain_end()[0]:,} records, all as they were written")


def run_until_done(commands: list[list[str]], kills: int, students: int, log: Path) -> int:
    """Kill after certain numbers of results: every second time a supervisor, else any of its processes.

    A batch is started again until it exits with 0. Returns the number of kills.
    """
    draw = random.Random(300)
    marks = sorted(draw.sample(range(students), kills))
    batches = [subprocess.Popen(command) for command in commands]
    while any(batch.poll() != 0 for batch in batches):
        time.sleep(draw.uniform(0, 2))
        for number, batch in enumerate(batches):
            if batch.poll():
                batches[number] = subprocess.Popen(batch.args)
        done = {line.split('"')[1] for line in log.read_text().splitlines()}
        alive = [batch for batch in batches if batch.poll() is None]
        if marks and len(done) >= marks[0] and alive:
            supervisor = psutil.Process(draw.choice(alive).pid)
            tree = [supervisor, *supervisor.children(recursive=True)]
            draw.choice(tree if len(marks) % 2 else tree[:1]).send_signal(signal.SIGKILL)
            del marks[0]
    return kills - len(marks)


def report(lines: list, students: int | None) -> None:
    trained = [(seconds, seconds - train) for _, seconds, train, _ in lines if train is not None]
    around = [extra for _, extra in trained]
    print(
        f"overhead around a training: median {statistics.median(around):.2f} s, n {len(around)}, "
        f"90 % under {statistics.quantiles(around, n=10)[-1]:.2f} s"
    )
    if students is None:
        return
    last = lines[-students:]  # the last supervisor reported all of them
    print(f"memory of the supervisor: {last[9][3] / 1e6:.0f} MB after 10, {last[-1][3] / 1e6:.0f} MB after {students}")


if __name__ == "__main__":
    main()
