"""What lies in the folders of a course."""

import pytest

from autograder.gradebook.folders import find_folders, read_autograded, read_feedback, read_hand_in, submitting_students
from autograder.gradebook.settings import read_settings
from tests.support.hand_ins import SPECIAL, make_special


def test_names_that_look_like_patterns_are_found(course):
    for student in ("ada", "lea[x]", "star*"):
        course.hand_in(student)
    assert set(find_folders(read_settings(course.root), "submitted")) == {
        (student, "challenge") for student in ("ada", "lea[x]", "star*")
    }


def test_a_student_is_who_has_a_folder_in_submitted_and_what_programs_leave_there_is_none(course):
    settings = read_settings(course.root)
    assert submitting_students(settings) == []
    course.hand_in("ada")
    for name in ("ben", ".ipynb_checkpoints", "__MACOSX"):
        (course.root / "submitted" / name).mkdir()
    assert submitting_students(settings) == ["ada", "ben"]


def test_a_hand_in_has_its_time_and_the_digest_of_its_recipe(course):
    path = course.hand_in("ada")
    hand_in = read_hand_in(path.parent, "challenge")
    other = read_hand_in(course.hand_in("ben", "recipe = 2").parent, "challenge")
    assert hand_in.notebooks == ("challenge",) and hand_in.time.time.hour == 12
    assert hand_in.digest and hand_in.digest != other.digest
    assert read_hand_in(path.parent, "another").digest == ""


def test_without_a_notebook_the_other_files_are_named(tmp_path):
    (tmp_path / "my work.txt").touch()
    (tmp_path / ".hidden").touch()
    assert read_hand_in(tmp_path, "challenge").others == ("my work.txt",)


@pytest.mark.parametrize("kind", SPECIAL)
def test_what_is_no_plain_file_is_a_problem_and_is_not_followed(tmp_path, kind):
    (tmp_path / "target").write_text("{}")
    folder = tmp_path / "submitted" / "ada" / "challenge"
    folder.mkdir(parents=True)
    make_special(folder / "challenge.ipynb", kind, tmp_path / "target")
    assert SPECIAL[kind] in read_hand_in(folder, "challenge").problem


def test_an_interrupted_autograding_is_told(course):
    course.grade_all("ada")
    folder = course.root / "autograded" / "ada" / "challenge"
    assert read_autograded(folder, ["challenge"], ["challenge"]).unfinished == ""
    course.interrupt("ada")
    assert "interrupted" in read_autograded(folder, ["challenge"], ["challenge"]).unfinished


def test_a_page_of_feedback_shows_its_score_before_anything_that_a_student_wrote(course):
    page = course.give_feedback("ada", 7.25)
    assert read_feedback(page.parent).score == 7.25
    page.write_text("<h4>Score: none</h4>")
    assert read_feedback(page.parent).score is None
    page.write_text("")
    assert read_feedback(page.parent).score is None
    page.unlink()
    assert read_feedback(page.parent) is None
