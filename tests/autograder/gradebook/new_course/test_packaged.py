"""The package has all files of a course, and the course's own name is in those that need it."""

import tomllib
from pathlib import Path

import pytest

from autograder.authoring.lessons import ROOT
from autograder.gradebook.new_course.lessons import lesson_names
from autograder.gradebook.new_course.packaged import course_id_of, packaged_files
from course.rules import assignments


def test_a_course_has_the_lessons_the_limits_and_the_settings_of_the_project():
    files = packaged_files("mnist-2027")
    assert {path for path in files if not path.startswith("source/")} == {
        "rules.toml",
        "nbgrader_config.py",
        "README.md",
        ".gitignore",
    }
    lessons = {path: content for path, content in files.items() if path.startswith("source/")}
    assert sorted(lessons) == [f"source/{name}/{name}.ipynb" for name in lesson_names(ROOT)]
    assert all((ROOT / path).read_bytes() == content for path, content in lessons.items())
    assert tuple(tomllib.loads(files["rules.toml"].decode())) == assignments()


def test_settings_and_readme_name_the_course_and_no_other():
    files = packaged_files("mnist-2027")
    assert b'\nc.CourseDirectory.course_id = "mnist-2027"\n' in files["nbgrader_config.py"]
    assert b'"under8k"' not in files["nbgrader_config.py"]
    assert files["README.md"].startswith(b"# mnist-2027\n") and b"COURSE_ID" not in files["README.md"]


@pytest.mark.parametrize(
    ("folder", "name"),
    [("mnist-2027", "mnist-2027"), ("My course, 2027!", "My-course-2027"), ("...", "under8k"), ('a"b\\', "a-b")],
)
def test_nbgraders_name_of_a_course_is_made_from_its_folder(folder, name):
    assert course_id_of(Path("/home/ada") / folder) == name
