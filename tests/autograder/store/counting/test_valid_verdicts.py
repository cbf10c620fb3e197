"""Which verdict counts follows from the regrades alone: the newest one whose regrade is in force."""

import datetime as dt

import pytest

from autograder.store.counting.valid_verdicts import RegradeHistory, RegradeRecord

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


def history(*undoes: int | None) -> RegradeHistory:
    """Records 1, 2, ...: each a regrade (None), or the undo of another one."""
    return RegradeHistory([RegradeRecord(n, u, 1, "", "kim@host", NOW) for n, u in enumerate(undoes, start=1)])


@pytest.mark.parametrize(
    ("undoes", "undone"),
    [
        ((), set()),
        ((None, None), set()),
        ((None, 1), {1}),
        ((None, 1, 2), {2}),
        ((None, 1, 2, 1), {1, 2}),
        ((None, None, 1, 2, 3), {2, 3}),
    ],
)
def test_an_undo_that_was_taken_back_takes_nothing_back(undoes, undone):
    assert history(*undoes).undone == undone
    assert history(*undoes).version == len(undoes)
