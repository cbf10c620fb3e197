"""Figures of the class."""

from dataclasses import replace
from datetime import timedelta

from autograder.leaderboard.pages.class_charts import hand_in_times, pareto_front, reason_counts, verdict_counts
from tests.support.rows import RULES, make_attempt, make_row


def test_nobody_on_the_front_has_fewer_parameters_and_holds_more():
    rows = [make_row(str(n), counted=7_000 + n % 7, correct=[9_900 + 13 * n % 50] * 2) for n in range(30)]
    front = next(t for t in pareto_front(rows, RULES)["data"] if t["name"] == "Pareto front")
    points = list(zip(front["x"], front["y"], strict=True))
    assert points
    for r in rows:
        better = [p for p in points if p[0] <= r.counted and p[1] >= 100 * r.level / r.total]
        assert better


def test_students_are_counted_by_verdict_and_baselines_are_not():
    rows = [make_row("a"), make_row("b"), make_row("c", verdict=""), make_row("d", baseline=True)]
    (bars,) = verdict_counts(rows)["data"]
    assert list(zip(bars["x"], bars["y"], strict=True)) == [("pass", 2), ("none yet", 1)]


def test_attempts_are_counted_by_the_hour_within_two_days_and_else_by_the_day():
    early = [make_attempt(1), make_attempt(1), make_attempt(2)]
    assert hand_in_times(early)["data"][0]["x"] == ["2026-03-01 13:00", "2026-03-01 14:00"]
    late = replace(make_attempt(3), handed_in=early[0].handed_in + timedelta(days=3))
    (bars,) = hand_in_times([*early, late])["data"]
    assert (bars["x"], bars["y"]) == (["2026-03-01", "2026-03-04"], [3, 1])
    assert hand_in_times([])["data"][0]["x"] == []


def test_the_most_frequent_reason_is_at_the_top_and_its_tags_are_escaped():
    figure = reason_counts([("<b>often", 5), ("seldom", 1)])
    assert figure["data"][0]["x"] == [1, 5] and figure["layout"]["yaxis"]["ticktext"][1] == "&lt;b&gt;often"
