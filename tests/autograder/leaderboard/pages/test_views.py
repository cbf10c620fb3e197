"""The answers to the leaderboard's addresses, without a server."""

import re

import pytest

from autograder.leaderboard.class_state import ClassState
from autograder.leaderboard.pages import views
from autograder.leaderboard.pages.site import Site
from autograder.leaderboard.settings import Settings
from tests.support.stores import execute, hand_in, store_run

SITE = Site("/leaderboard", "boot", 2_000, "n0nce")


@pytest.fixture
def state(store, key, spec):
    hand_in(store, "ada", run_ids=[store_run(store, key, spec)])
    opened = ClassState(store, Settings(), views.row_renderer(SITE))
    opened.refresh()
    return opened


def test_the_table_has_every_student_and_its_version(state):
    html = views.table(state, SITE)
    assert "ada" in html and views.rows(state, SITE, "challenge", "")["version"] in html


def test_rows_are_those_that_changed_since_a_version_and_all_for_an_unknown_one(state):
    everything = views.rows(state, SITE, "challenge", "")
    assert set(everything["rows"]) == set(everything["order"])
    assert views.rows(state, SITE, "challenge", everything["version"]) == {"version": everything["version"]}
    hand_in(state.store, "bob")
    state.refresh()
    news = views.rows(state, SITE, "challenge", everything["version"])
    assert len(news["rows"]) == 1 and "bob" in next(iter(news["rows"].values()))
    for unknown in ("another-0-1", "x", "-", everything["version"] + "0" * 20):
        assert set(views.rows(state, SITE, "challenge", unknown)["rows"]) == set(news["order"])


def test_the_class_view_has_a_figure_for_each_chart(state):
    html = views.class_view(state, SITE, "challenge")
    for name in re.findall(r'data-figure="(\w+)"', html):
        assert f'"{name}":' in html


def test_an_attempt_shows_its_records_and_says_when_they_were_changed(state):
    assert "recipe = " in views.attempt(state, SITE, "challenge", "1")
    execute(state.store, "UPDATE verdicts SET isolation = 'none'")
    assert "autograder verify" in views.attempt(state, SITE, "challenge", "1")


@pytest.mark.parametrize(
    "view, arguments, fragment",
    [
        (views.attempt, ("challenge", "99"), "no attempt 99 at challenge"),
        (views.attempt, ("lesson1_baseline", "1"), "no attempt 1 at lesson1_baseline"),
        (views.table, ("lesson9",), "no assignment lesson9"),
        (views.rows, ("lesson9", ""), "no assignment lesson9"),
        (views.class_view, ("lesson9",), "no assignment lesson9"),
    ],
)
def test_where_there_is_nothing_it_is_said_what_there_is(state, view, arguments, fragment):
    with pytest.raises(views.NotFound, match=fragment):
        view(state, SITE, *arguments)
