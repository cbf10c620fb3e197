"""A regrade in a course of nbgrader's: all places agree after it and after its undo, and grades by hand stay."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from autograder.cli.main import main
from autograder.gradebook.audit import audit
from autograder.gradebook.regrading import Grades, find_concerned
from autograder.gradebook.status import State, status_of
from autograder.grading.options import Options
from autograder.grading.rejudge import GradeChanges
from autograder.store import open_store
from tests.support.changed_rules import changed_rules
from tests.support.courses import MadeUpCourse, works_of
from tests.support.judged_attempts import OPTIONS, grade_made_up

CURVES = {"ada": [[9_935] * 3] * 3, "ben": [[9_970] * 3], "cyd": [[9_800] * 3]}
POINTS = {"ada": 0.0, "ben": 10.0, "cyd": 0.0}


@pytest.fixture
def course(tmp_path: Path) -> MadeUpCourse:
    """Three students; with 99.30 % ada passes too. ben has points by hand."""
    course = MadeUpCourse(tmp_path, settings="c.TrainedScore.device = 'cpu'")
    for student, curves in CURVES.items():
        course.hand_in(student, f"recipe = {student!r}")
        with open_store(str(course.store_path)) as store:
            grade_made_up(store, student, curves, recipe=f"recipe = {student!r}")
        course.autograde(student, recipe=POINTS[student])
    course.set_grade("ben", "counts", manual_score=1.0)
    assert audit(course.view()).differences == ()
    return course


def regrade(course: MadeUpCourse, *arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(main, ["regrade", str(course.root), *arguments])
    assert done.exit_code == code, done.output
    return done.stdout


def test_after_a_regrade_the_audit_names_what_is_left_and_after_the_undo_nothing(course):
    forced = "nbgrader autograde challenge --student=ada --force"
    with changed_rules(accuracy=0.993):
        assert len(audit(course.view()).differences) == 3  # verdicts by other rules
        assert forced in regrade(course, "--apply", "--reason", "enough")
        (left,) = audit(course.view()).differences
        assert left.student == "ada" and left.next_step == forced
        course.autograde("ada", recipe=10.0)
        course.set_grade("ben", "counts", manual_score=1.0)
        assert audit(course.view()).differences == ()
        assert forced in regrade(course, "--undo", "1", "--reason", "not enough")
        (left,) = audit(course.view()).differences
        assert left.student == "ada" and "10 of 10 points" in left.sentence and left.next_step == forced
        course.autograde("ada", recipe=0.0)
        assert audit(course.view()).differences == ()
    assert {status_of(work).state for work in works_of(course.view()).values()} == {State.GRADED}


def test_the_leaderboard_and_its_table_follow_at_once(course):
    def rows() -> dict[str, str]:
        return {student: work.row.verdict for student, work in works_of(course.view()).items()}

    before = rows()
    with changed_rules(accuracy=0.993):
        regrade(course, "--apply", "--reason", "enough")
        assert rows() == before | {"ada": "pass"}
        regrade(course, "--undo", "1", "--reason", "not enough")
        assert rows() == before


def test_the_gradebook_with_its_grades_by_hand_is_never_written(course):
    before = (course.root / "gradebook.db").read_bytes()
    with changed_rules(accuracy=0.993):
        regrade(course)
        regrade(course, "--apply", "--reason", "enough")
        regrade(course, "--undo", "1", "--reason", "not enough")
    assert (course.root / "gradebook.db").read_bytes() == before


def test_the_settings_of_the_course_say_how_it_is_graded(course):
    config = course.root / "nbgrader_config.py"
    config.write_text(config.read_text() + "c.TrainedScore.seeds = 5\n")
    assert "seeds by the rules, now 5" in regrade(course, code=1)
    assert "seeds by the rules, now 1" in regrade(course, "--seeds", "1")


def test_by_partial_credit_a_grade_moves_though_the_verdict_stays(course):
    course_config = {"partial_credit": 0.5, "partial_from": 0.9}
    with open_store(str(course.store_path)) as store, changed_rules(accuracy=0.999):
        concerned = find_concerned(store, [course.root], None, "challenge", ["cyd"])
        (change,) = GradeChanges(store, OPTIONS).of(concerned.attempts)
    settings = course.view().settings.trained_score
    assert Grades(OPTIONS, settings).of(change) == "stay"
    for name, value in course_config.items():
        setattr(settings, name, value)
    assert Grades(OPTIONS, settings).of(change) == "down"


def test_who_is_dropped_is_not_regraded_and_a_team_is_once(course):
    with open_store(str(course.store_path)) as store:
        store.class_changes.record("drop", ("cyd",), reason="left", known=None)
        store.class_changes.record("team", ("alpha", "ada", "ben"), "challenge", reason="a team", known=None)
        concerned = find_concerned(store, [course.root], None, "challenge")
        assert {attempt.student for attempt in concerned.attempts} == {"alpha"} and concerned.grades == 1
        with changed_rules(accuracy=0.993):
            assert [c.student for c in GradeChanges(store, Options(device="cpu")).of(concerned.attempts)] == ["alpha"]
