"""A batch of reduced runs as the tests use it, and what must be in the store after it."""

import sys

from sqlalchemy import text

from autograder.batch import find_submissions
from autograder.cli.progress import BatchProgress
from autograder.grading.options import Options, ReducedRun

REDUCED = Options(reduced=ReducedRun(1, 600, 500), seeds=1, device="cpu")


def all_submissions(course):
    return find_submissions([course], None, "challenge").submissions


def batch_command(course, store, *more: str) -> list[str]:
    return [
        *(sys.executable, "-m", "autograder.cli.main", "batch", str(course), "--store", store, "--json"),
        *("--reduced", "1/600/500", "--seeds", "1", "--device", "cpu", *more),
    ]


def count_rows(store, what: str) -> int:
    with store._database.engine.connect() as connection:
        return connection.execute(text(f"SELECT count(*) FROM {what}")).scalar_one()


def assert_each_exactly_once(store, students: int, specs: int | None = None) -> None:
    """One attempt and one verdict for each student, one finished run for each recipe, and the chain is whole."""
    specs = students if specs is None else specs
    assert (count_rows(store, "attempts"), count_rows(store, "verdicts")) == (students, students)
    assert count_rows(store, "runs") == count_rows(store, "runs WHERE finished IS NOT NULL") == specs
    assert count_rows(store, "epochs") == specs
    assert count_rows(store, "checkpoints") == 0
    assert list(store.verify()) == []


class SilentProgress(BatchProgress):
    def __init__(self, total):
        super().__init__(total, quiet=True)
