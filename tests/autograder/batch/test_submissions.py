"""Which submissions a batch grades."""

from pathlib import Path

import pytest

from autograder.batch.submissions import (
    SubmissionFile,
    find_submissions,
    register_submissions,
    select_submissions,
    without_dropped,
)
from course.errors import UsageError
from tests.support.stores import hand_in
from tests.support.variants import submit


def test_nbgraders_folders_are_found_from_any_of_their_levels(tmp_path):
    submit(tmp_path, 2)
    other = tmp_path / "submitted" / "student000" / "lesson1_baseline"
    other.mkdir()
    (other / "extra.ipynb").write_text("{}")
    (other / "lesson1_baseline.ipynb").write_text("{}")
    for level in (tmp_path, tmp_path / "submitted"):
        submissions = find_submissions([level], None, "challenge").submissions
        assert [(s.student, s.assignment, s.path.name) for s in submissions] == [
            ("student000", "challenge", "challenge.py"),
            ("student001", "challenge", "challenge.py"),
            ("student000", "lesson1_baseline", "lesson1_baseline.ipynb"),
        ]
    assert len(find_submissions([tmp_path / "submitted" / "student000"], "challenge", "challenge").submissions) == 1


def test_a_plain_file_is_named_after_its_student(tmp_path):
    for name in ("ada.py", "bob.ipynb", "notes.txt"):
        (tmp_path / name).write_text("x")
    submissions = find_submissions([tmp_path, tmp_path / "ada.py"], "lesson3_dropout", "challenge").submissions
    assert [(s.student, s.assignment) for s in submissions] == [("ada", "lesson3_dropout"), ("bob", "lesson3_dropout")]


def test_an_assignment_without_rules_is_left_out_and_named(tmp_path):
    submit(tmp_path, 1)
    submit(tmp_path / "submitted" / ".." / ".", 0)
    (tmp_path / "submitted" / "student000" / "essay").mkdir()
    (tmp_path / "submitted" / "student000" / "essay" / "essay.py").write_text("x")
    found = find_submissions([tmp_path], None, "challenge")
    assert len(found.submissions) == 1 and "no rules for the assignment 'essay'" in found.notes[0]


@pytest.mark.parametrize("folder", [".", "nowhere"])
def test_nothing_to_grade_is_wrong_use(tmp_path, folder):
    with pytest.raises(UsageError, match="There is no"):
        find_submissions([tmp_path / folder], None, "challenge")


def test_a_class_is_in_the_store_before_the_first_of_it_is_graded(store, tmp_path):
    submissions = []
    for student in ("ada", "bob"):
        path = tmp_path / f"{student}.py"
        path.write_text(f"recipe = {student!r}")
        submissions.append(SubmissionFile(path, student, "challenge"))
    submissions.append(SubmissionFile(Path(tmp_path, "missing.py"), "eve", "challenge"))
    register_submissions(submissions, store)
    register_submissions(submissions, store)
    assert [(s.student, s.verdict) for s in store.overview.since()[1]] == [("ada", ""), ("bob", "")]


def test_one_students_file_or_date_does_not_stop_the_class(store, tmp_path):
    course = tmp_path / "submitted"
    for student, name in (("ada", "ada.py"), ("bob", b"r\xff.py".decode(errors="surrogateescape")), ("cyd", "cyd.py")):
        folder = course / student / "challenge"
        folder.mkdir(parents=True)
        (folder / name).write_text("recipe = 1")
    (course / "cyd" / "challenge" / "timestamp.txt").write_text("0001-01-01 00:00:00+14:00")
    submissions = [SubmissionFile(path, path.parts[-3], "challenge") for path in sorted(course.glob("*/*/*.py"))]
    register_submissions(submissions, store)
    assert sorted(s.student for s in store.overview.since()[1]) == ["ada", "bob", "cyd"]


@pytest.fixture
def class_of_three(store, tmp_path):
    """Ada has passed, Bob has failed, and Cyd has no verdict yet."""
    hand_in(store, "ada", verdict="pass")
    hand_in(store, "bob", verdict="fail")
    return [SubmissionFile(tmp_path / f"{student}.py", student, "challenge") for student in ("ada", "bob", "cyd")]


@pytest.mark.parametrize(
    ("students", "verdicts", "selected"),
    [
        (["cyd"], [], ["cyd"]),
        ([], ["fail"], ["bob"]),
        (["cyd"], ["pass", "fail"], ["ada", "bob", "cyd"]),
    ],
)
def test_submissions_are_selected_by_student_or_by_last_verdict(class_of_three, store, students, verdicts, selected):
    assert [s.student for s in select_submissions(class_of_three, store, students, verdicts)] == selected


def test_a_selection_of_nobody_is_wrong_use(class_of_three, store):
    with pytest.raises(UsageError, match="no submission of dan, eve in these folders"):
        select_submissions(class_of_three, store, ["eve", "dan", "ada"], [])
    with pytest.raises(UsageError, match="has the verdict refused or error"):
        select_submissions(class_of_three, store, [], ["refused", "error"])


def test_a_student_is_selected_by_the_present_id_and_with_the_team(class_of_three, store):
    record = store.class_changes.record
    record("rename", ("ada", "ada2"), reason="x", known=None)
    assert [s.student for s in select_submissions(class_of_three, store, ["ada2"], [])] == ["ada"]
    record("team", ("alpha", "ada2", "bob"), "challenge", reason="x", known=None)
    assert [s.student for s in select_submissions(class_of_three, store, ["ada2"], [])] == ["ada", "bob"]


def test_who_is_dropped_is_not_graded_and_named_and_a_team_is_while_one_member_is_there(class_of_three, store):
    record = store.class_changes.record
    record("drop", ("ada",), reason="x", known=None)
    kept, notes = without_dropped(class_of_three, store)
    assert [s.student for s in kept] == ["bob", "cyd"] and "ada is dropped" in notes[0] and len(notes) == 1
    record("team", ("alpha", "bob", "cyd"), "challenge", reason="x", known=None)
    record("drop", ("bob",), reason="x", known=None)
    assert len(without_dropped(class_of_three, store)[0]) == 2
    record("drop", ("cyd",), reason="x", known=None)
    assert without_dropped(class_of_three, store)[0] == ()
