"""The class in memory: brought up to date by what is new, and whole again after an error."""

import pytest

from autograder.leaderboard.class_state import ClassState
from autograder.leaderboard.settings import Settings
from autograder.store import StoreError
from tests.support.stores import NOON, hand_in


@pytest.fixture
def classroom(store):
    return ClassState(store, Settings())


def names(classroom) -> set[str]:
    return {row.name for row in classroom.table("challenge").rows if not row.baseline}


@pytest.mark.parametrize("what", ["since", "in_progress"])
def test_a_look_that_fails_half_way_loses_nobody(store, classroom, monkeypatch, what):
    hand_in(store, "ada")
    classroom.refresh()
    start, before = classroom.start, names(classroom)
    hand_in(store, "bob")

    def away(*_):
        raise StoreError("The database is away.")

    with monkeypatch.context() as patched:
        patched.setattr(store.overview, what, away)
        with pytest.raises(StoreError):
            classroom.refresh()
    classroom.refresh()
    assert names(classroom) == before | {"bob"} and classroom.start > start


def test_where_nothing_is_handed_in_a_second_look_changes_nothing(classroom):
    classroom.refresh()
    before = classroom.table("challenge").version
    assert classroom.table("challenge").rows  # the baselines
    classroom.refresh()
    assert classroom.table("challenge").version == before


def test_an_assignment_without_rules_is_left_out(store, classroom):
    hand_in(store, "ada")
    old = store.results.record_attempt("bob", "lesson0_of_last_year", "x.py", "d" * 64, NOON)
    store.results.mark_internal_error(old, "Nobody knows.")
    classroom.refresh()
    assert names(classroom) == {"ada"} and classroom.attempt(old) is None and classroom.newest() == "challenge"
    assert "lesson0_of_last_year" not in classroom.counts()
