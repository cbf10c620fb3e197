"""What is trained, what nbgrader grades after that, and what is left: by the places as they are now."""

import pytest

from autograder.gradebook import autograde
from autograder.gradebook.autograde import ClassGrading, collect_class
from autograder.gradebook.collecting import Collected
from autograder.gradebook.nbgrader_process import HandInToGrade
from autograder.gradebook.settings import read_settings
from autograder.store import open_store
from course.errors import UsageError
from tests.support.courses import MadeUpCourse


@pytest.fixture
def grading(course):
    """The class of `course`; with arguments, those students."""
    with open_store(str(course.store_path)) as store:
        yield lambda *students: ClassGrading(read_settings(course.root), store, students=students)


def judge(course, *students: str) -> None:
    """As by a training of now."""
    for student in students:
        course.judge(student, options=ClassGrading(read_settings(course.root), None).options("challenge").asked())


def untrained(grading: ClassGrading) -> list[str]:
    return [submission.student for submission in grading.untrained()[0]]


def test_trained_is_what_has_no_verdict_by_the_rules_settings_and_versions_of_now(course, grading):
    for student in ("ada", "ben", "cy"):
        course.hand_in(student)
    judge(course, "ada")
    course.judge("ben", options="other settings")
    submissions, _ = grading().untrained()
    assert [(s.student, s.assignment, s.path.name) for s in submissions] == [
        (student, "challenge", "challenge.ipynb") for student in ("ben", "cy")
    ]


def test_nobody_is_trained_of_whom_nbgrader_trains_nothing(course, grading):
    course.hand_in("ada").rename(course.root / "submitted" / "ada" / "challenge" / "my work.ipynb")
    course.hand_in("ben").rename(course.root / "submitted" / "ben" / "challenge" / "challenge.py")
    course.hand_in("cy").parent.rename(course.root / "submitted" / "cy" / "lesson1_baseline")
    assert untrained(grading()) == []


def test_who_is_dropped_is_told_and_all_names_of_a_student_are_trained(course, grading):
    for student in ("ada", "ada2", "ben"):
        course.hand_in(student)
    with open_store(str(course.store_path)) as store:
        store.class_changes.record("merge", ["ada", "ada2"], reason="x", known=None)
        store.class_changes.record("drop", ["ben"], reason="x", known=None)
    submissions, notes = grading().untrained()
    assert [submission.student for submission in submissions] == ["ada", "ada2"]
    assert len(notes) == 1 and "ben is dropped" in notes[0]
    assert untrained(grading("ada")) == ["ada", "ada2"]
    with pytest.raises(UsageError, match=r"no hand-in of ben in submitted/. The student is dropped."):
        grading("ben").untrained()


def test_nbgrader_grades_what_status_and_audit_say_and_with_force_where_it_would_skip_it(course, grading):
    course.grade_all("ada", "ben", "cy", "dora", "eve")
    course.set_grade("ben", "trained_score", auto_score=3.0)  # not what its verdict is worth
    course.interrupt("cy")
    (course.root / "autograded" / "dora" / "challenge" / "challenge.ipynb").unlink()
    (course.root / "autograded" / "dora" / "challenge").rename(course.root / "gone")
    course.hand_in("eve", "recipe = 'another one'")
    course.hand_in("fay")
    hand_ins, is_busy = grading().uncollected()
    assert hand_ins == [
        HandInToGrade("ben", "challenge", force=True),
        HandInToGrade("cy", "challenge"),
        HandInToGrade("dora", "challenge"),
        HandInToGrade("eve", "challenge", force=True),
        HandInToGrade("fay", "challenge"),
    ]
    assert not is_busy
    assert [h.student for h in grading("ben", "fay").uncollected({("fay", "challenge")})[0]] == ["ben"]


def test_what_was_killed_a_moment_ago_is_waited_for_and_what_failed_is_tried_once_more(course, grading, monkeypatch):
    for student in ("ada", "ben"):
        course.hand_in(student)
    judge(course, "ada", "ben")
    folder = course.root / "autograded" / "ada" / "challenge"
    folder.mkdir(parents=True)  # and no notebook yet
    calls = []

    def collect(hand_ins, root, display, *, jobs=1):
        calls.append(([hand_in.student for hand_in in hand_ins], jobs))
        return [Collected(hand_in, "The gradebook is locked." if len(calls) == 1 else "") for hand_in in hand_ins]

    monkeypatch.setattr(autograde, "collect", collect)
    monkeypatch.setattr("autograder.grading.unfinished.STARTING_SECONDS", 0.0)
    assert [each.problem for each in collect_class(grading(), None, jobs=4)] == ["", ""]
    assert calls == [(["ada", "ben"], 4), (["ada", "ben"], 1)]
    calls.clear()
    monkeypatch.setattr("autograder.grading.unfinished.STARTING_SECONDS", 1.0)
    folder.touch()
    assert [each.hand_in.student for each in collect_class(grading(), None, jobs=4)] == ["ben", "ada"]
    assert calls == [(["ben"], 4), (["ada", "ben"], 1)]


def test_the_report_counts_verdicts_and_says_what_is_left(course, grading):
    course.grade_all("ada", "ben")
    course.give_feedback("ben")
    course.hand_in("cy")
    judge(course, "cy")
    course.enrol("gus")
    (report,) = grading().report().assignments
    assert (report.assignment, report.verdicts, report.is_done) == ("challenge", {"pass": 3}, False)
    assert report.feedback_step == "nbgrader generate_feedback challenge --force"
    assert grading("ben").report().is_done and grading("ben").report().assignments[0].feedback_step == ""
    (course.root / "submitted" / "tom.zip").touch()
    assert len(grading().report().left_out) == 1 and not grading("ben").report().left_out


def test_an_empty_course_is_done(tmp_path):
    course = MadeUpCourse(tmp_path)
    with open_store(str(course.store_path)) as store:
        grading = ClassGrading(read_settings(course.root), store)
        assert grading.untrained() == ([], ()) and grading.uncollected() == ([], False)
        assert grading.report().is_done and grading.report().assignments == ()
