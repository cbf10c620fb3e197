"""The class in memory: brought up to date by what is new, and whole again after an error."""

import pytest

from autograder.leaderboard.class_state import ClassState
from autograder.leaderboard.settings import Settings
from autograder.store import StoreError
from tests.support.stores import NOON, hand_in


@pytest.fixture
def class_state(store):
    return ClassState(store, Settings())


def names(class_state) -> set[str]:
    return {row.name for row in class_state.table("challenge").rows if not row.baseline}


@pytest.mark.parametrize("what", ["since", "in_progress"])
def test_a_look_that_fails_half_way_loses_nobody(store, class_state, monkeypatch, what):
    hand_in(store, "ada")
    class_state.refresh()
    start, before = class_state.generation, names(class_state)
    hand_in(store, "bob")

    def away(*_, **__):
        raise StoreError("The database is away.")

    with monkeypatch.context() as patched:
        patched.setattr(store.overview, what, away)
        with pytest.raises(StoreError):
            class_state.refresh()
    class_state.refresh()
    assert names(class_state) == before | {"bob"} and class_state.generation > start


def test_where_nothing_is_handed_in_a_second_look_changes_nothing(class_state):
    class_state.refresh()
    before = class_state.table("challenge").version
    assert class_state.table("challenge").rows  # the baselines
    class_state.refresh()
    assert class_state.table("challenge").version == before


def test_an_assignment_without_rules_is_left_out(store, class_state):
    hand_in(store, "ada")
    old = store.results.record_attempt("bob", "lesson0_of_last_year", "x.py", "d" * 64, NOON)
    store.results.mark_internal_error(old, "Nobody knows.")
    class_state.refresh()
    assert names(class_state) == {"ada"} and class_state.attempt(old) is None and class_state.newest() == "challenge"
    assert "lesson0_of_last_year" not in class_state.counts()


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_a_class_change_takes_effect_at_the_next_look(store, class_state):
    for student in ("ada", "ben", "tester"):
        hand_in(store, student)
    class_state.refresh()
    generation = class_state.generation
    store.class_changes.record("rename", ("ada", "ada2"), reason="a new account")
    store.class_changes.record("hide", ("tester",), reason="no student")
    class_state.refresh()
    assert names(class_state) == {"ada2", "ben"} and class_state.generation > generation
    assert class_state.table("challenge").student_rows["ada2"].first_name == "ada"
    generation = class_state.generation
    class_state.refresh()
    assert class_state.generation == generation
