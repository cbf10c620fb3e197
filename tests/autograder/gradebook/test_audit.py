"""Each way in which two places can disagree about a grade is told with both values, and what mends it mends it."""

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from traitlets.config import Config

from autograder.gradebook.audit import audit
from autograder.nbgrader_plugins.trained_score import TrainedScore
from autograder.store import AttemptSummary, RunSummary, open_store
from autograder.store.counting.regrades import Replacement
from autograder.store.records import Result, RunRecord
from autograder.store.results import new_verdict
from course.rules import load_rules
from course.training.results import EpochResult
from tests.support.courses import NOON, MadeUpCourse, contents

HOUR = dt.timedelta(hours=1)
FORCED = "nbgrader autograde challenge --student=ada --force"
FEEDBACK = "nbgrader generate_feedback challenge --student=ada --force"


def differences(course):
    return [(d.sentence, d.next_step) for d in audit(course.view()).differences if d.student == "ada"]


def test_a_class_that_was_graded_to_its_end_has_none(course):
    course.grade_all("ada", "ben")
    course.enrol("gus")
    for student in ("ada", "ben"):
        course.give_feedback(student)
    before = contents(course.root)
    found = audit(course.view())
    assert (found.differences, found.students, found.grades) == ((), 3, 2)
    assert contents(course.root) == before


def changed_points(course):
    course.set_grade("ada", "trained_score", auto_score=0.0)


def no_verdict(course):
    course.store_path.unlink()


def other_verdict(course):
    course.judge("ada", "fail")


def reduced_now(course):
    config = course.root / "nbgrader_config.py"
    reduced = {"epochs": 1, "train_images": 600, "test_images": 500}
    config.write_text(config.read_text() + f"c.TrainedScore.reduced = {reduced}\n")


def interrupted(course):
    course.interrupt("ada")


def not_collected(course):
    course.set_grade("ada", "trained_score", auto_score=None)
    course.set_grade("ada", "counts", auto_score=None)


def one_cell_missing(course):
    course.set_grade("ada", "counts", auto_score=None)


def changed_recipe(course):
    course.hand_in("ada", "recipe = 3")


def newer_hand_in(course):
    course.hand_in("ada", "recipe = 3", at=NOON + HOUR)


def no_hand_in(course):
    for path in (course.root / "submitted" / "ada" / "challenge").iterdir():
        path.unlink()
    (course.root / "submitted" / "ada" / "challenge").rmdir()


def nothing_autograded(course):
    (course.root / "autograded").rename(course.root / "elsewhere")


def other_time(course):
    (course.root / "autograded" / "ada" / "challenge" / "timestamp.txt").write_text("2026-03-01 10:00:00 UTC")
    (course.root / "submitted" / "ada" / "challenge" / "timestamp.txt").write_text("2026-03-01 10:00:00 UTC")


def points_by_hand_after_feedback(course):
    course.give_feedback("ada")
    course.set_grade("ada", "counts", manual_score=1.0)


def old_feedback(course):
    course.give_feedback("ada", age=60)


def feedback_for_others_alone(course):
    course.grade_all("ben")
    course.give_feedback("ben")


@pytest.mark.parametrize(
    ("change", "sentence", "step"),
    [
        (
            changed_points,
            "0 of 10 points for the recipe, and the attempt that counts (number 1 of 1, pass) is worth 10.",
            FORCED,
        ),
        (no_verdict, "10 of 10 points for the recipe, and the store", FORCED),
        (
            other_verdict,
            "10 of 10 points for the recipe, and the attempt that counts (number 1 of 1, fail) is worth 0",
            FORCED,
        ),
        (reduced_now, "is of a full training, and the settings now ask for reduced ones.", FORCED),
        (interrupted, "Its autograding was interrupted", FORCED.removesuffix(" --force")),
        (
            not_collected,
            "The store has the verdict pass, and the gradebook has no score.",
            FORCED,
        ),
        (one_cell_missing, "The gradebook has no score for counts.", FORCED),
        (changed_recipe, "Its recipe is not the one that was graded.", FORCED),
        (newer_hand_in, "handed in again at 2026-03-01 13:00:00 UTC", FORCED.removesuffix(" --force")),
        (no_hand_in, "The gradebook has 12 points, and submitted/ has no hand-in.", "Put it back"),
        (nothing_autograded, "12 points, and autograded/ has nothing", FORCED.removesuffix(" --force")),
        (other_time, "handed in at 2026-03-01 12:00:00 UTC, and its timestamp.txt at 2026-03-01 10:00:00 UTC", FORCED),
        (points_by_hand_after_feedback, "The feedback says 12 points, and 11 are due.", FEEDBACK),
        (old_feedback, "and it was graded again at", FEEDBACK),
        (feedback_for_others_alone, "The gradebook has 12 points, and there is no feedback.", FEEDBACK),
    ],
)
def test_a_difference_is_told_with_both_values_and_the_next_step(course, change, sentence, step):
    course.grade_all("ada")
    change(course)
    ((said, next_step),) = differences(course)
    assert sentence in said and next_step.startswith(step)


def test_a_changed_rule_is_told_until_the_verdict_is_by_the_new_one(course, change_rules):
    course.grade_all("ada")
    change_rules(accuracy=0.9)
    ((said, step),) = differences(course)
    assert said == "The verdict pass was reached by other rules: accuracy 0.994, now 0.9." and step == FORCED
    course.judge("ada")
    assert differences(course) == []


def test_a_regrade_is_to_be_graded_by_nbgrader_and_taken_back_it_leaves_nothing_to_do(course, change_rules):
    course.grade_all("ada")
    change_rules(accuracy=0.999)
    with open_store(str(course.store_path)) as store:
        before, rules = store.results.latest("ada", "challenge"), load_rules("challenge")
        failed = replace(before.result, verdict="fail")
        made = new_verdict(before.attempt_id, failed, rules, (), options="", reason="stricter")
        number = store.regrades.apply([Replacement(before.verdict_id, made)], reason="stricter").number
    ((said, step),) = differences(course)
    assert "10 of 10 points" in said and "(number 1 of 1, fail) is worth 0" in said and step == FORCED
    with open_store(str(course.store_path)) as store:
        store.regrades.undo(number, reason="too strict")
    assert differences(course) == []


@pytest.mark.parametrize(("rule", "points"), [("last", 0.0), ("best", 10.0)])
def test_the_attempt_that_counts_decides_by_the_rule_of_now(course, change_rules, rule, points):
    change_rules(attempts=rule)
    course.grade_all("ada")
    course.hand_in("ada", "recipe = 2", at=NOON + HOUR)
    course.judge("ada", "fail")
    course.autograde("ada", recipe=points)
    assert differences(course) == []
    course.autograde("ada", recipe=10.0 - points)
    ((said, _),) = differences(course)
    number = {"last": "2 of 2, fail", "best": "1 of 2, pass"}[rule]
    assert f"{10 - points:g} of 10 points" in said and f"(number {number}) is worth {points:g}" in said


@given(st.lists(st.lists(st.integers(8_000, 10_000), max_size=15), min_size=1, max_size=3))
def test_an_attempt_is_worth_what_its_result_was_worth_when_it_was_graded(counts):
    settings = TrainedScore(config=Config(TrainedScore={"partial_credit": 0.5, "partial_from": 0.9}))
    runs = [
        RunRecord(
            1, "cpu", "", 1, tuple(EpochResult(n, 0.1, 0.1, 9, 10, 0.1, c, 10_000) for n, c in enumerate(run)), 1.0
        )
        for run in counts
    ]
    result = Result("x", "challenge", "fail", ("Because.",), runs=tuple(runs))
    summaries = tuple(RunSummary(1, 1, "cpu", 1.0, tuple(run.correct), run.total) for run in runs)
    summary = AttemptSummary(1, "ada", "challenge", NOON, "a", "fail", runs=summaries)
    rules = settings.rules("challenge")
    assert settings.score(summary, rules, 10.0) == settings.score(result, rules, 10.0)


def test_an_extension_and_points_by_hand_change_the_penalty_that_formgrader_shows(tmp_path):
    course = MadeUpCourse(tmp_path, settings="c.LateSubmissionPlugin.penalty_method = 'zero'")
    course.grade_all("ada")
    course.set_due(NOON - HOUR)
    ((said, step),) = differences(course)
    assert said.startswith("formgrader takes 0 points off for being late") and "12 are due" in said
    assert step == "nbgrader export"
    course.give_feedback("ada", 0.0)
    with course.gradebook() as gradebook:
        gradebook.find_submission_notebook("challenge", "challenge", "ada").late_submission_penalty = 12.0
    assert differences(course) == []
    with course.gradebook() as gradebook:
        gradebook.grant_extension("challenge", "ada", hours=2)
    assert [said for said, _ in differences(course)] == [
        "formgrader takes 12 points off for being late, and by the score, the due date and the extension of now 0 are "
        "due, which feedback and exports take off.",
        "The feedback says 0 points, and 12 are due.",
    ]


def test_points_that_a_person_gave_for_the_recipe_are_no_difference(course):
    course.grade_all("ada")
    course.set_grade("ada", "trained_score", manual_score=4.0)
    assert differences(course) == []


def test_the_leaderboard_that_counts_another_attempt_is_told(course):
    course.grade_all("ada")
    course.hand_in("ada", "recipe = 2", at=NOON + HOUR)
    course.judge("ada", "pass")
    course.autograde("ada")
    view = course.view()
    (work,) = view.works
    other = replace(work, row=replace(work.row, attempt_id=work.attempts[0].attempt_id))
    (found,) = audit(replace(view, works=(other,))).differences
    assert found.sentence.startswith("The leaderboard counts the attempt with pass")


def test_a_student_whose_name_looks_like_a_pattern_has_it_escaped_in_the_command(course):
    course.grade_all("lea[x]")
    course.interrupt("lea[x]")
    (found,) = audit(course.view()).differences
    assert found.next_step == "nbgrader autograde challenge '--student=lea[[]x]'"
