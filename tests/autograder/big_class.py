"""A class of honest variants graded by `autograder.batch`, its processes killed on the way, and what that took.

    python -m tests.autograder.big_class [--students 300] [--kills 20] [--store URL]

Prints the time, the supervisor's memory after 10 and after all results, the time around the training of a submission,
and fails unless each student has exactly one result.
"""

import json
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import psutil

from autograder.batch import run_batch
from autograder.board import Watcher, span
from autograder.folders import find
from autograder.grade import Cut, Options
from autograder.store import open_store
from tests.autograder.variants import submit

OPTIONS = Options(cut=Cut(1, 600, 500), seeds=1, device="cpu")


class Clock(Watcher):
    """Writes a line for each result: seconds in all, seconds of training, memory of this process."""

    def __init__(self, total: int, log: Path):
        super().__init__(total, quiet=True)
        self._log, self._trained = log, {}

    def listener(self, slot: int):
        return _Clocked(super().listener(slot), self._trained, slot)

    def began(self, slot, work):
        self._trained[slot] = [None, None]
        super().began(slot, work)

    def finished(self, slot, outcome):
        super().finished(slot, outcome)
        began, ended = self._trained[slot]
        trained = ended - began if ended else None
        memory = psutil.Process().memory_info().rss
        with self._log.open("a") as log:
            log.write(json.dumps([outcome.student, outcome.seconds, trained, memory]) + "\n")


class _Clocked:
    def __init__(self, listener, trained, slot):
        self._listener, self._trained, self._slot = listener, trained, slot

    def __getattr__(self, name):
        if name == "run_started":
            self._trained[self._slot][0] = time.monotonic()
        if name == "epoch":
            self._trained[self._slot][1] = time.monotonic()
        return getattr(self._listener, name)


@click.group(invoke_without_command=True)
@click.option("--students", default=300)
@click.option("--kills", default=20)
@click.option("--store", "url", default=None)
@click.pass_context
def main(context, students: int, kills: int, url: str | None) -> None:
    if context.invoked_subcommand:
        return
    with tempfile.TemporaryDirectory() as folder:
        course, log = submit(Path(folder), students), Path(folder, "log")
        url = url or str(course / "results.db")
        began = time.monotonic()
        command = [sys.executable, "-m", "tests.autograder.big_class", "grade", folder, url]
        killed = run_until_done(command, kills, students, log)
        print(f"{students} submissions, {killed} kills, {span(time.monotonic() - began)}")
        report([json.loads(line) for line in log.read_text().splitlines()], students)
        with open_store(url) as store:
            graded = store.results.attempts()
            assert sorted({g.student for g in graded}) == [f"student{n:03}" for n in range(students)]
            assert len(graded) == students and {g.attempts for g in graded} == {1}
            assert {len(g.result.runs) for g in graded} == {1}
            assert list(store.verify()) == []
            print(f"{len(graded)} results, each exactly once; {store.end()[0]:,} records, all as they were written")


@main.command()
@click.argument("course")
@click.argument("url")
def grade(course: str, url: str) -> None:
    works = find([Path(course)], None, "challenge").works
    with open_store(url) as store:
        verdicts = run_batch(works, OPTIONS, store, Clock(len(works), Path(course, "log"))).verdicts
    sys.exit(3 if "internal" in verdicts else 0)


def run_until_done(command: list[str], kills: int, students: int, log: Path) -> int:
    """Kill once so and so many students have a result; every second time the supervisor, else any of its processes.

    Started again until it ends well.
    """
    draw, batch = random.Random(300), None
    marks = sorted(draw.sample(range(students), kills))
    while batch is None or batch.returncode != 0:
        batch = subprocess.Popen(command)
        while batch.poll() is None:
            time.sleep(draw.uniform(0, 2))
            done = {line.split('"')[1] for line in log.read_text().splitlines()} if log.exists() else ()
            if marks and len(done) >= marks[0] and batch.poll() is None:
                tree = [psutil.Process(batch.pid), *psutil.Process(batch.pid).children(recursive=True)]
                draw.choice(tree if len(marks) % 2 else tree[:1]).send_signal(signal.SIGKILL)
                del marks[0]
    return kills - len(marks)


def report(lines: list, students: int) -> None:
    trained = [(seconds, seconds - train) for _, seconds, train, _ in lines if train is not None]
    around = [extra for _, extra in trained]
    print(
        f"around the training of one: median {statistics.median(around):.2f} s, n {len(around)}, "
        f"90 % under {statistics.quantiles(around, n=10)[-1]:.2f} s"
    )
    last = lines[-students:]  # the last supervisor told of all of them
    print(f"memory of the supervisor: {last[9][3] / 1e6:.0f} MB after 10, {last[-1][3] / 1e6:.0f} MB after {students}")


if __name__ == "__main__":
    main()
