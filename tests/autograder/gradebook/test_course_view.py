"""The course as it was read: every student of every place, each once, and nothing is written."""

import datetime as dt
import unicodedata

from autograder.gradebook.audit import audit
from autograder.store import open_store
from tests.support.courses import NOON, contents, works_of


def test_all_places_are_joined_by_student(course):
    course.enrol("gus")
    course.grade_all("ada")
    course.give_feedback("ada")
    course.hand_in("lea[x]")
    course.judge("lea[x]")
    (course.root / "submitted" / "tom").mkdir()
    view = course.view()
    works = works_of(view)
    assert list(works) == list(view.students) == ["ada", "gus", "lea[x]", "tom"]
    ada, lea = works["ada"], works["lea[x]"]
    assert ada.entry.total == 12.0 and ada.feedback.score == 12.0 and not ada.autograded.unfinished
    assert ada.counting.verdict == "pass" and ada.counting.source_hash == ada.hand_in.digest
    assert lea.enrolled is None and lea.entry is None and lea.counting.verdict == "pass"
    assert not works["gus"].is_anywhere and works["gus"].enrolled and not works["tom"].enrolled


def test_a_student_whose_name_is_written_in_two_ways_is_one_and_the_second_folder_is_named(course):
    for form in ("NFC", "NFD"):
        course.hand_in(unicodedata.normalize(form, "ren\u00e9"))
    view = course.view()
    assert view.students == ("ren\u00e9",)
    assert any("are one student" in sentence for sentence in view.left_out)


def test_what_lies_in_submitted_and_is_nobody_s_hand_in_is_named(course):
    course.hand_in("ada")
    (course.root / "submitted" / "tom.zip").write_bytes(b"PK")
    (sentence,) = course.view().left_out
    assert "tom.zip is left out" in sentence


def test_nothing_is_created_changed_or_locked(course):
    course.grade_all("ada", "ben")
    course.interrupt("ben")
    course.give_feedback("ada")
    before = contents(course.root)
    assert works_of(course.view())["ben"].autograded.unfinished
    assert contents(course.root) == before


def test_an_assignment_that_nobody_has_handed_in_is_known_and_not_among_those_handed_in(course):
    course.enrol("ada")
    view = course.view()
    assert view.assignments == ("challenge",) and view.handed_in() == ()


def change(course, kind, *names, assignment=""):
    with open_store(str(course.store_path)) as store:
        store.class_changes.record(kind, names, assignment, reason="so it is", known=None)


def test_after_class_changes_every_student_or_team_has_one_work_and_all_places_agree(course):
    course.grade_all("ada", "ben", "cyd", "tester")
    course.enrol("dan")
    change(course, "rename", "ada", "ada2")
    change(course, "team", "alpha", "cyd", "dan", assignment="challenge")
    change(course, "drop", "ben")
    change(course, "hide", "tester")
    view = course.view()
    works = works_of(view)
    assert list(works) == ["ada2", "alpha", "tester"] and view.students == ("ada2", "cyd", "dan", "tester")
    assert [work.folder_name for work in works.values()] == ["ada", "cyd", "tester"]
    assert all(work.entry.total == 12.0 and work.counting.verdict == "pass" for work in works.values())
    assert audit(view).differences == ()


def test_of_two_ids_of_one_person_the_later_hand_in_is_compared(course):
    course.grade_all("ada")
    course.hand_in("ada-private", "recipe = 2", NOON + dt.timedelta(hours=1))
    change(course, "merge", "ada-private", "ada")
    (work,) = course.view().works
    assert (work.student, work.folder_name, work.entry) == ("ada", "ada-private", None)  # not graded yet
    course.judge("ada-private", "fail")
    course.autograde("ada-private", recipe=0.0)
    view = course.view()
    (work,) = view.works
    assert (work.entry.total, work.counting.verdict, len(work.attempts)) == (2.0, "fail", 2)
    assert audit(view).differences == ()


def test_a_team_of_another_assignment_is_no_student_here(course):
    course.grade_all("ada")
    change(course, "team", "alpha", "ada", "ben", assignment="lesson1_baseline")
    assert list(works_of(course.view())) == ["ada"]
