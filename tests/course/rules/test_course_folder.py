"""Whose rules count: the course that was chosen, the one around, and never one that a student handed in."""

import IPython  # noqa: F401 - as a notebook does
import pytest

from course.errors import UsageError
from course.rules import COURSE_VARIABLE, choose_course, course_around, course_folder


def make_course(folder, *, config=True):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rules.toml").write_text("[challenge]\n")
    if config:
        (folder / "nbgrader_config.py").touch()
    return folder


@pytest.fixture
def course(tmp_path):
    return make_course(tmp_path / "course")


def test_outside_of_any_course_there_is_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert course_folder() is None
    make_course(tmp_path, config=False)  # a file of that name alone is no course
    assert course_folder() is None


@pytest.mark.parametrize("place", [".", "source/challenge", "release"])
def test_a_course_is_found_from_any_of_its_folders(course, monkeypatch, place):
    (course / place).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(course / place)
    assert course_folder() == course


@pytest.mark.parametrize("step", ["submitted", "autograded", "feedback"])
def test_a_course_that_a_student_handed_in_is_none(course, monkeypatch, step):
    hand_in = make_course(course / step / "mallory" / "challenge")
    monkeypatch.chdir(hand_in)
    assert course_folder() == course_around(hand_in) == choose_course(hand_in.parent) == course


def test_files_that_were_handed_in_flat_are_no_course(tmp_path):
    assert course_around(make_course(tmp_path / "from the LMS")) is None


def test_hand_ins_are_of_the_course_around_them(course):
    (course / "submitted" / "ada").mkdir(parents=True)
    for folder in (course, course / "submitted", course / "submitted" / "ada"):
        assert course_around(folder) == course


def test_the_variable_comes_before_the_working_folder_and_must_name_a_course(course, tmp_path, monkeypatch):
    other = make_course(tmp_path / "other", config=False)
    monkeypatch.chdir(course)
    monkeypatch.setenv(COURSE_VARIABLE, str(other))
    assert course_folder() == other
    monkeypatch.setenv(COURSE_VARIABLE, str(tmp_path))
    with pytest.raises(UsageError, match=r"no rules.toml in it.*unset it"):
        course_folder()


def test_a_chosen_course_is_left_for_the_next_one_and_for_a_folder_without_rules(course, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(COURSE_VARIABLE, raising=False)
    second = make_course(tmp_path / "second")
    for folder in (course, second):
        assert choose_course(folder) == folder == course_folder()
    (tmp_path / "clone").mkdir()
    assert choose_course(tmp_path / "clone") is course_folder() is None


def test_a_course_that_the_user_named_stays_where_a_folder_has_none(course, tmp_path, monkeypatch):
    monkeypatch.setenv(COURSE_VARIABLE, str(course))
    (tmp_path / "clone").mkdir()
    assert choose_course(tmp_path / "clone") is None
    assert course_folder() == course


def test_rules_that_were_released_with_a_notebook_count_in_the_notebook_and_not_for_a_grader(tmp_path, monkeypatch):
    released, chosen = make_course(tmp_path / "challenge", config=False), make_course(tmp_path / "course")
    monkeypatch.chdir(released)
    assert course_folder() is None
    monkeypatch.setattr("IPython.get_ipython", object)
    assert course_folder() == released
    monkeypatch.setenv(COURSE_VARIABLE, str(chosen))
    assert course_folder() == chosen
