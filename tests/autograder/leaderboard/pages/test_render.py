"""HTML from templates: everything of a student's is escaped, wherever it stands."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.leaderboard.pages.render import (
    COLUMNS,
    RowRenderer,
    as_json,
    course_time,
    describe_progress,
    minutes,
    page,
    percent,
    sparkline,
)
from autograder.leaderboard.pages.site import Site
from autograder.store import AttemptInProgress
from tests.support.rows import make_row
from tests.support.stores import NOON


@given(st.text(max_size=60))
def test_whatever_a_name_is_it_stays_text(name):
    html = RowRenderer("/x")(make_row(name, attempt_id=1, reason=name))
    plain = RowRenderer("/x")(make_row("n", attempt_id=1, reason="n"))
    assert html.count("<") == plain.count("<") and html.count('"') == plain.count('"')


def test_data_for_the_script_cannot_end_its_element():
    figures = {"x": "</script><script>alert(1)</script>&<!--"}
    made = page("message.html", **_common(), message="</script>")
    assert "<" not in as_json(figures) and ">" not in as_json(figures)
    assert "&lt;/script&gt;" in made


def _common() -> dict:
    return Site("/leaderboard", "boot", 2_000, "n0nce").common("challenge", {"challenge": 1}, "<b>title</b>")


@pytest.mark.parametrize(
    "progress, text",
    [
        (None, ""),
        (AttemptInProgress(1), "waiting"),
        (AttemptInProgress(1, 14, 15), "training (epoch 15 of 15)"),
        (AttemptInProgress(1, 15, 15), "training (epoch 15 of 15)"),
        (AttemptInProgress(1, 3, 15, fault="No disk."), "ours to fix"),
    ],
)
def test_every_state_of_an_attempt_has_its_words(progress, text):
    assert describe_progress(progress) == text


def test_numbers_and_times_are_shown_as_people_read_them():
    assert percent(9_949, 10_000) == "99.49" and minutes(125.9) == "2:05" and minutes(0) == ""
    assert course_time(NOON.astimezone(dt.timezone(dt.timedelta(hours=5)))) == "2026-03-01 12:00"
    assert course_time(NOON.replace(hour=0)) == "2026-03-01" and course_time(None) == ""


def test_times_are_shown_in_the_zone_of_the_course(monkeypatch):
    monkeypatch.setenv("UNDER8K_TIMEZONE", "America/New_York")
    assert course_time(NOON) == "2026-03-01 07:00"
    both_hours = [dt.datetime(2026, 11, 1, hour, 30, tzinfo=dt.UTC) for hour in (5, 6)]
    assert [course_time(time) for time in both_hours] == ["2026-11-01 01:30"] * 2


def test_a_row_has_a_cell_for_each_column_with_a_result_and_without():
    for row in (make_row(), make_row(correct=()), make_row(baseline=True)):
        html = RowRenderer()(row)
        assert html.count("<td") + html.count("<th") == len(COLUMNS)


def test_a_sparkline_draws_every_epoch_inside_of_its_picture():
    points = sparkline(make_row(correct=(100, 9_900, 10_000))).split('points="')[1].split('"')[0].split()
    heights = [float(point.split(",")[1]) for point in points]
    assert len(heights) == 3 and heights == sorted(heights, reverse=True)
    assert all(0 <= height <= 22 for height in heights)
    assert sparkline(make_row(correct=())) == ""


def test_a_row_is_rendered_anew_only_when_more_than_its_rank_changes(monkeypatch):
    renderer = RowRenderer()
    rendered = []
    real = renderer._template.render
    monkeypatch.setattr(
        renderer, "_template", type("T", (), {"render": lambda _, **v: rendered.append(v) or real(**v)})()
    )
    for row in (make_row(rank=1), make_row(rank=2), make_row(rank=2, counted=6_999)):
        assert f">{row.rank}" in renderer(row)
    assert len(rendered) == 2
