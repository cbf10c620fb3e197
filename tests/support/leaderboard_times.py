"""How long the server takes for the table of a large class, through HTTP: median and 95th percentile.

python -m tests.support.leaderboard_times [--students 500] [--attempts 10]
"""

from __future__ import annotations

import datetime as dt
import http.client
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import click

from autograder.store import open_store
from course.rules import load_rules
from tests.support.large_class import fill
from tests.support.leaderboard_server import TOKEN, fetch, serve_leaderboard
from tests.support.stores import result_of

REQUESTS = 100


def measure(base: str, path: str, before: Callable[[int], object] = lambda number: None) -> str:
    """The times of requests, described. `before` is called before each request, and its time is not counted."""
    connection, times = http.client.HTTPConnection(urlsplit(base).netloc), []
    for number in range(REQUESTS):
        before(number)
        began = time.perf_counter()
        connection.request("GET", path, headers={"Authorization": f"token {TOKEN}"})
        answer = connection.getresponse()
        size = len(answer.read())
        times.append(1000 * (time.perf_counter() - began))
        assert answer.status == 200
    median, percentile = statistics.median(times), statistics.quantiles(times, n=20)[-1]
    return f"median {median:.0f} ms, 95 % under {percentile:.0f} ms, n {REQUESTS}, {size / 1000:,.0f} kB"


@click.command()
@click.option("--students", default=500)
@click.option("--attempts", default=10)
def main(students: int, attempts: int) -> None:
    with tempfile.TemporaryDirectory() as folder, open_store(str(Path(folder, "r.db"))) as store:
        fill(store, students, attempts)

        def add_verdict(number: int) -> None:
            name, at = f"student{100 + number:03}", dt.datetime(2026, 5, 1, tzinfo=dt.UTC)
            attempt = store.results.record_attempt(name, "challenge", "x.py", f"{number:064}", at, "recipe = 1")
            store.results.record_verdict(attempt, result_of("fail"), load_rules("challenge"), ())

        with serve_leaderboard(Path(folder), store_url=store.url.database) as base:
            began = time.perf_counter()
            fetch(f"{base}/leaderboard/challenge")
            print(f"{students} students, {attempts} attempts each; the first look {time.perf_counter() - began:.1f} s")
            print("the table:", measure(base, "/leaderboard/challenge"))
            print("the table, a new verdict before each:", measure(base, "/leaderboard/challenge", add_verdict))
            print("the class view:", measure(base, "/leaderboard/challenge/class"))
            print("an attempt:", measure(base, f"/leaderboard/challenge/attempt/{students * attempts // 2}"))


if __name__ == "__main__":
    main()
