"""A course is made once and again without loss, told what is newer, and brought up to date without losing an edit."""

import os
import shlex
import stat
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook

from autograder.gradebook.new_course import making
from autograder.gradebook.new_course.making import make_course
from autograder.gradebook.new_course.written import RECORD, read_record
from autograder.gradebook.settings import read_settings
from autograder.store import STORE_VARIABLE
from autograder.store.engine import default_file
from autograder.store.secret import user_secret_file
from course.errors import GraderError, UsageError
from course.rules import course_folder
from tests.autograder.gradebook.new_course.conftest import LESSON, notebook
from tests.support.files import files_below

OWN = b"# my own limits\n"
WRITTEN = ("rules.toml", "nbgrader_config.py", "README.md", ".gitignore", LESSON)


def run(root: Path, **options: bool) -> list[str]:
    said = []
    make_course(root, said.append, **options)
    return said


def append(path: Path, text: bytes) -> bytes:
    path.write_bytes(path.read_bytes() + text)
    return path.read_bytes()


def without_databases(root: Path) -> dict:
    return {path: content for path, content in files_below(root).items() if not str(path).endswith(".db")}


def test_a_folder_becomes_a_complete_course(made_once):
    root, said = made_once
    assert said[:-1] == [*(f"{path}: written" for path in WRITTEN), "one: released and entered into the gradebook"]
    assert "README.md says how to grade" in said[-1]
    released = nbformat.read(root / "release" / "one" / "one.ipynb", as_version=4)
    assert "SOLUTION" not in released.cells[0].source and (root / "release" / "one" / "rules.toml").exists() is False
    settings = read_settings(root)
    assert settings.coursedir.course_id == "mnist-2027" and course_folder() == root
    with Gradebook(settings.coursedir.db_url, "mnist-2027") as gradebook:
        assert [cell.name for cell in gradebook.find_notebook("one", "one").grade_cells] == ["test-0"]
    assert stat.S_IMODE((root / RECORD).parent.stat().st_mode) == 0o700


def test_made_again_nothing_changes(root):
    before = files_below(root)
    (said,) = run(root)
    assert "is a course of nbgrader's" in said
    assert files_below(root) == before


def test_a_course_that_gets_its_own_limits_is_told_where_its_earlier_results_are(root, tmp_path, monkeypatch):
    monkeypatch.delenv(STORE_VARIABLE)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    earlier = default_file(None)
    earlier.parent.mkdir(parents=True, exist_ok=True)
    earlier.touch()
    (root / "rules.toml").unlink()
    (root / RECORD).unlink()  # as a clone makes a course
    said = next(line for line in run(root) if "Those from before" in line)
    command = ["cp", earlier, root / "results.db", "&&", "cp", user_secret_file(), root / ".under8k" / "secret"]
    assert shlex.split(said)[-len(command) :] == list(map(str, command))
    assert [line for line in run(root) if "Those from before" in line] == []


def test_what_an_instructor_edited_or_deleted_is_kept(root):
    append(root / "rules.toml", OWN)
    (root / LESSON).unlink()
    before = without_databases(root)
    for options in ({}, {"update": True}):
        said = run(root, **options)
        assert said[:2] == ["rules.toml: your own, kept", f"{LESSON}: you have deleted it, so it stays away"]
        assert without_databases(root) == before


def test_a_draft_of_an_instructors_own_is_not_released(root):
    (root / "source" / "draft").mkdir()
    (root / "source" / "draft" / "draft.ipynb").write_text("half of a notebook")
    assert len(run(root)) == 1
    assert not (root / "release" / "draft").exists()


def test_a_file_that_every_course_needs_comes_back(root):
    config = (root / "nbgrader_config.py").read_bytes()
    (root / "nbgrader_config.py").unlink()
    assert run(root)[0] == "nbgrader_config.py: written"
    assert (root / "nbgrader_config.py").read_bytes() == config


def test_an_interrupted_one_is_finished_by_the_next(tmp_path, package, monkeypatch):
    put, count = making._put, []

    def interrupted(root, path, content):
        count.append(path)
        if len(count) == 3:
            raise KeyboardInterrupt
        put(root, path, content)

    monkeypatch.setattr(making, "_put", interrupted)
    root = tmp_path / "course"
    with pytest.raises(KeyboardInterrupt):
        run(root)
    assert not (root / "README.md").exists()
    monkeypatch.setattr(making, "_put", put)
    run(root)
    assert all((root / path).is_file() for path in WRITTEN) and (root / "release" / "one" / "one.ipynb").is_file()


# --- a newer version


def test_a_newer_version_is_told_and_changes_nothing_until_it_is_asked_to(root, package):
    newer = (root / "rules.toml").read_bytes().replace(b"max_epochs = 15", b"max_epochs = 14")
    package("2.0", **{"rules.toml": newer, "source/two/two.ipynb": notebook("assert x")})
    before = files_below(root)
    said = run(root)
    shows = f"`autograder init --update {root}` shows it"
    assert said[:2] == [
        f"rules.toml: version 2.0 has a newer one. {shows}",
        f"source/two/two.ipynb: version 2.0 has a new lesson. {shows}",
    ]
    assert files_below(root) == before


def test_an_update_shows_the_difference_and_replaces_what_was_not_edited(root, package):
    newer = (root / "rules.toml").read_bytes().replace(b"max_epochs = 15", b"max_epochs = 14")
    package("2.0", **{"rules.toml": newer, "source/two/two.ipynb": notebook("assert x")})
    said = run(root, update=True)
    assert said[0].startswith("rules.toml: brought up to date\n--- rules.toml\n+++ rules.toml (new)\n")
    assert "\n-max_epochs = 15\n+max_epochs = 14\n" in said[0]
    assert said[1:-1] == [
        "source/two/two.ipynb: written",
        "one: released and entered into the gradebook",
        "two: released and entered into the gradebook",
    ]
    assert (root / "rules.toml").read_bytes() == newer
    assert read_record(root).version == "2.0"
    assert len(run(root)) == 1


def test_an_update_never_writes_over_an_edit_and_shows_what_the_package_has(root, package):
    newer = (root / "rules.toml").read_bytes() + b"# newer\n"
    edited = append(root / "rules.toml", OWN)
    package("2.0", **{"rules.toml": newer})
    assert run(root)[0].startswith("rules.toml: your own, kept; version 2.0 has another one. `autograder init --update")
    for _ in range(2):
        said = run(root, update=True)[0]
        assert said.startswith("rules.toml: your own, kept; version 2.0 has another one.")
        assert "\n-# my own limits\n+# newer\n" in said
        assert (root / "rules.toml").read_bytes() == edited


def test_a_changed_lesson_is_released_again_and_grades_stay(root, package):
    package("2.0", **{LESSON: notebook("assert x", "assert x == 1")})
    run(root, update=True)
    released = nbformat.read(root / "release" / "one" / "one.ipynb", as_version=4)
    assert [cell.source for cell in released.cells[1:]] == ["assert x", "assert x == 1"]


def test_a_lesson_that_cannot_be_released_after_a_hand_in_stays_as_it_was(root, package):
    with Gradebook(read_settings(root).coursedir.db_url, "mnist-2027") as gradebook:
        gradebook.update_or_create_student("ada")
        gradebook.update_or_create_submission("one", "ada")
    package("2.0", **{LESSON: notebook("assert x", "assert x == 1")})
    before = {path: text for path, text in without_databases(root).items() if not str(path).endswith("written.json")}
    with pytest.raises(GraderError, match="Cannot add or remove cells"):
        run(root, update=True)
    after = {path: text for path, text in without_databases(root).items() if not str(path).endswith("written.json")}
    assert after == before
    assert run(root)[0].startswith(f"{LESSON}: version 2.0 has a newer one")


# --- where


def test_a_folder_with_other_things_is_refused_and_left_alone(tmp_path, package):
    for name in ("thesis.tex", "photos", "letters", "a\x1b[2Jb"):
        (tmp_path / name).mkdir()
    with pytest.raises(UsageError) as told:
        run(tmp_path)
    assert "letters, photos, ..." in str(told.value) and "Name a new or an empty folder" in str(told.value)
    assert "\x1b" not in str(told.value)
    assert len(list(tmp_path.iterdir())) == 4
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="is a file"):
        run(tmp_path / "file")


def test_a_fresh_repository_is_taken_and_its_files_are_kept(tmp_path, package):
    for name in (".git", "README.md", "LICENSE"):
        (tmp_path / name).write_text("mine")
    said = run(tmp_path)
    assert any(line.startswith("README.md: your own, kept") for line in said)
    assert (tmp_path / "README.md").read_text() == "mine" and (tmp_path / "rules.toml").is_file()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_told(tmp_path, package):
    tmp_path.chmod(0o500)
    with pytest.raises(GraderError, match="cannot be written"):
        run(tmp_path / "course")


def test_a_full_disk_is_told_and_the_next_one_finishes(tmp_path, package, monkeypatch):
    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(making, "write_atomically", full)
    with pytest.raises(GraderError, match=r"No space left on device.*what is finished is kept"):
        run(tmp_path / "course")
    monkeypatch.undo()


def test_in_a_clone_the_lessons_are_released_and_its_files_are_left_alone(tmp_path, monkeypatch):
    (tmp_path / "autograder" / "gradebook" / "new_course").mkdir(parents=True)
    (tmp_path / LESSON).parent.mkdir(parents=True)
    (tmp_path / LESSON).write_bytes(notebook("assert x"))
    asked = []
    monkeypatch.setattr(making, "release_with_gradebook", lambda root, lesson: asked.append((root, lesson)))
    before = files_below(tmp_path)
    assert run(tmp_path) == ["one: released and entered into the gradebook"]
    assert asked == [(tmp_path, "one")] and files_below(tmp_path) == before
