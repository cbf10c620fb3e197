"""Lessons are found by name."""

from autograder.gradebook.new_course.lessons import lesson_names, notebook_path
from course.files import write_atomically


def test_a_lesson_is_a_notebook_in_a_folder_of_its_own_name(tmp_path):
    for lesson in ("two", "one"):
        write_atomically(notebook_path(tmp_path, "source", lesson), "{}")
    notebook_path(tmp_path, "source", "one").with_name("draft.ipynb").touch()
    assert lesson_names(tmp_path) == ("one", "two")
