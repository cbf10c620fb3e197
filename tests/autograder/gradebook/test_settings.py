"""The settings of a course: read as nbgrader reads them, and a fault in them is told."""

from pathlib import Path

import pytest

from autograder.gradebook.settings import load_config, read_settings
from course.errors import UsageError


def test_folders_and_store_are_those_of_the_course(course):
    settings = read_settings(course.root)
    assert settings.root == course.root and settings.store_url == str(course.store_path)
    assert settings.folder("feedback", "ada", "challenge") == course.root / "feedback" / "ada" / "challenge"


def test_without_a_root_the_folder_is_the_root(tmp_path):
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\n")
    settings = read_settings(tmp_path)
    assert settings.root == tmp_path and settings.store_url is None


@pytest.mark.parametrize(
    ("text", "said"), [(None, "There is no nbgrader_config.py in"), ("1 / 0\n", "cannot be run: ZeroDivisionError")]
)
def test_what_is_wrong_with_the_file_is_said(tmp_path, text, said):
    if text:
        (tmp_path / "nbgrader_config.py").write_text(text)
    with pytest.raises(UsageError, match=said):
        load_config(tmp_path)


def test_a_store_at_a_relative_path_is_in_the_courses_folder_as_for_nbgrader(tmp_path):
    for given, path in {"results.db": tmp_path / "results.db", "~/r.db": "~/r.db", "/data/r.db": "/data/r.db"}.items():
        (tmp_path / "nbgrader_config.py").write_text(f"c = get_config()\nc.TrainedScore.store = {given!r}\n")
        assert read_settings(tmp_path).store_url == str(Path(path).expanduser())
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\nc.TrainedScore.store = 'postgresql://h/results'\n")
    assert read_settings(tmp_path).store_url == "postgresql://h/results"
