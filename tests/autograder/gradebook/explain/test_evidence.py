"""Whose verdict it is, what it rests on, and what is said where there is none."""

import datetime as dt
import json
from dataclasses import replace

import pytest

from autograder.gradebook.explain.evidence import Evidence, collect_evidence
from autograder.grading.rejudge import GradeChanges
from autograder.store import Store, open_store
from autograder.store.secret import SECRET_VARIABLE
from course.errors import UsageError
from course.rules import load_rules
from tests.support.changed_rules import changed_rules
from tests.support.courses import NOON, MadeUpCourse
from tests.support.judged_attempts import OPTIONS, grade_made_up
from tests.support.stores import execute

pytestmark = pytest.mark.filterwarnings("ignore")  # of nbgrader's own use of SQLAlchemy
PASSES, FAILS = [[9_970] * 3], [[9_800] * 3]
DAY = dt.timedelta(days=1)


def explain(store: Store, student: str = "ada", **options: object) -> Evidence:
    return collect_evidence(store, student, **options)


def error_of(store: Store, student: str, **options: object) -> str:
    with pytest.raises(UsageError) as caught:
        collect_evidence(store, student, **options)
    return str(caught.value)


def test_the_last_attempt_is_explained_or_the_best_one_if_the_rules_say_so_or_the_one_that_is_asked_for(store):
    grade_made_up(store, "ada", PASSES, recipe="first", at=NOON)
    grade_made_up(store, "ada", FAILS, recipe="second", at=NOON + DAY)
    last = explain(store)
    assert (last.attempt_rule, last.number, last.verdict.verdict, last.counts) == ("last", 2, "fail", True)
    assert [(a.number, a.verdict, a.counts) for a in last.attempts] == [(1, "pass", False), (2, "fail", True)]
    with changed_rules(attempts="best"):
        best = explain(store)
    assert (best.attempt_rule, best.number, best.history.source) == ("best", 1, "first")
    asked = explain(store, number=1)
    assert (asked.number, asked.verdict.verdict, asked.counts) == (1, "pass", False)
    assert error_of(store, "ada", number=3) == "There is no attempt 3 of ada at challenge: there are 2."


def test_every_rule_stands_beside_that_of_now(store):
    grade_made_up(store, "ada", FAILS)
    assert not any(rule.differs for rule in explain(store).rules)
    with changed_rules(accuracy=0.97, max_epochs=20):
        evidence = explain(store)
    differing = {rule.name: (rule.then, rule.now) for rule in evidence.rules if rule.differs}
    rules = load_rules("challenge")
    assert differing == {"accuracy": (rules.accuracy, 0.97), "max_epochs": (rules.max_epochs, 20)}
    assert evidence.limits == rules and evidence.verdict.verdict == "fail"


def test_the_epochs_in_which_the_accuracy_was_held_are_marked_apart_from_those_that_reached_it_alone(store):
    grade_made_up(store, "ada", [[9_960, 9_800, 9_960, 9_965]])
    (run,) = explain(store).runs
    assert run.marks == ("reached", "", "held", "held") and run.is_drawn


def test_a_seed_that_the_secret_does_not_draw_is_told(store, monkeypatch):
    grade_made_up(store, "ada", PASSES)
    monkeypatch.setenv(SECRET_VARIABLE, "another secret")
    assert [run.is_drawn for run in explain(store).runs] == [False]


def test_a_regrade_and_what_it_replaced_are_both_there(store):
    grade_made_up(store, "ada", [[9_935] * 3] * 3)
    with changed_rules(accuracy=0.993):
        changes = GradeChanges(store, OPTIONS).of(store.results.graded_attempts("challenge"))
        store.regrades.apply([r for c in changes for r in c.replacements("enough")], reason="enough")
        evidence = explain(store)
    assert evidence.verdict.verdict == "pass" and evidence.verdict.regrade.number == 1
    assert evidence.limits.accuracy == 0.993 and set(evidence.runs[0].marks) == {"held"}
    assert [verdict.verdict for verdict in evidence.history.verdicts] == ["fail", "pass"]
    store.regrades.undo(1, reason="not enough")
    assert explain(store).verdict.verdict == "fail"


def test_a_refused_attempt_has_its_count_and_no_runs(store):
    grade_made_up(store, "ada", numbers=9_000)
    evidence = explain(store)
    assert evidence.verdict.verdict == "refused" and evidence.verdict.inspection.counted == 9_000
    assert evidence.runs == ()


def test_an_attempt_without_a_verdict_says_what_became_of_it(store):
    attempt = store.results.record_attempt("ada", "challenge", "x.py", "a" * 64, NOON)
    assert explain(store).verdict is None
    assert explain(store).state == "It waits: `autograder batch` grades it."
    store.results.mark_internal_error(attempt, "No room.")
    assert "not the student's" in explain(store).state and explain(store).state.endswith("No room.")


def test_a_team_and_an_earlier_name_lead_to_the_same_attempt(store):
    grade_made_up(store, "ada", PASSES)
    store.class_changes.record("rename", ("ada", "ada2"), reason="new")
    store.class_changes.record("team", ("alpha", "ada2", "ben"), "challenge", reason="together", known=None)
    for name in ("ada", "ada2", "ben", "alpha"):
        evidence = explain(store, name)
        assert (evidence.student, evidence.members) == ("alpha", ("ada2", "ben"))
        assert evidence.history.handed_in_as == "ada"


def test_an_unknown_student_is_answered_with_close_names_and_the_next_step(store):
    grade_made_up(store, "adele", PASSES)
    grade_made_up(store, "Adelina", PASSES)
    sentence = error_of(store, "adelin")
    assert sentence.startswith("There is no student 'adelin'. Did you mean 'Adelina' or 'adele'? `autograder status`")
    assert error_of(store, "zzz") == "There is no student 'zzz'. `autograder status` lists everybody."
    assert "\x1b" not in error_of(store, "\x1b[31mzoe")


def test_a_student_of_the_course_without_an_attempt_is_told_apart_from_an_unknown_one(tmp_path):
    course = MadeUpCourse(tmp_path)
    course.enrol("gus")
    course.hand_in("nadia")
    view = course.view()
    with open_store(str(course.store_path), read_only=True) as store:
        for student in ("gus", "nadia"):
            assert f"has nothing of {student}" in error_of(store, student, settings=view.settings)
        assert "Did you mean 'nadia'" in error_of(store, "nadja", settings=view.settings)


def test_of_several_assignments_one_has_to_be_named(store):
    grade_made_up(store, "ada", PASSES)
    store.results.record_attempt("ada", "lesson1_baseline", "x.py", "b" * 64, NOON)
    assert error_of(store, "ada") == ("ada has handed in challenge, lesson1_baseline. Name one with --assignment.")
    assert explain(store, assignment="challenge").assignment == "challenge"
    assert "There is: challenge, lesson1_baseline." in error_of(store, "ada", assignment="lesson2_augmentation")


def test_the_gradebook_says_how_late_it_was_and_what_it_was_worth(tmp_path):
    course = MadeUpCourse(tmp_path)
    course.grade_all("ada")
    settings = course.view().settings
    with open_store(str(course.store_path), read_only=True) as store:
        kept = explain(store, settings=settings).gradebook
        assert (kept.due, kept.late, kept.score, kept.max_points) == (None, dt.timedelta(), 12.0, 12.0)
        course.set_due(NOON - DAY)
        assert explain(store, settings=settings).gradebook.late == DAY
        course.set_due(NOON + DAY)
        assert explain(store, settings=settings).gradebook.late == dt.timedelta()


def test_the_accuracy_of_a_reduced_training_is_that_of_the_settings(tmp_path):
    from autograder.grading.options import ReducedRun

    reduced = {"epochs": 3, "train_images": 1_000, "test_images": 500, "accuracy": 0.5}
    course = MadeUpCourse(tmp_path, settings=f"c.TrainedScore.reduced = {reduced}")
    with open_store(str(course.store_path)) as store:
        grade_made_up(store, "ada", FAILS, options=replace(OPTIONS, reduced=ReducedRun.from_config(reduced)))
        assert explain(store, settings=course.view().settings).limits.accuracy == 0.5
        assert explain(store).limits.accuracy == load_rules("challenge").accuracy


def test_what_was_changed_from_outside_is_told_of_the_attempt_and_of_the_store(store):
    grade_made_up(store, "ada", PASSES)
    grade_made_up(store, "ben", FAILS)
    assert explain(store).is_intact and explain(store).chain.links == store.chain_end()[0]
    execute(store, "UPDATE verdicts SET verdict = 'pass' WHERE id = 2")
    ada, ben = explain(store), explain(store, "ben")
    assert ada.history.problems == () and len(ben.history.problems) == 1
    assert not ada.is_intact and not ben.is_intact


def test_it_is_json(store):
    grade_made_up(store, "ada", PASSES)
    data = json.loads(json.dumps(explain(store).to_dict(), default=str))
    assert data["verdict"] == "pass" and data["is_intact"] is True
    assert len(data["runs"][0]["history"]["record"]["epochs"]) == 3
