"""A killed `nbgrader autograde` is taken up again, and one that is at work elsewhere is left alone."""

import logging
import os
import platform
import subprocess
import sys
import time

import nbformat
import psutil
import pytest
from nbformat.v4 import new_notebook
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde
from nbgrader.coursedir import CourseDirectory

from autograder.grading.unfinished import MARK, add_mark, forget_unfinished, has_mark, remove_mark
from autograder.nbgrader_plugins.reader import SubmissionReader
from autograder.nbgrader_plugins.trained_score import TrainedScore
from autograder.workers import owners
from tests.support.gradebooks import new_gradebook

pytestmark = pytest.mark.filterwarnings("ignore")  # of nbgrader's own use of SQLAlchemy
OTHER_MACHINE = "other-host boot:1 77 1.00 0123456789ab"


@pytest.fixture(scope="module")
def db_url(tmp_path_factory):
    db_url = new_gradebook(tmp_path_factory.mktemp("gradebook"))
    with Gradebook(db_url) as gradebook:
        gradebook.add_assignment("challenge")
        gradebook.add_notebook("challenge", "challenge")
    return db_url


@pytest.fixture
def autograde(tmp_path, db_url, caplog):
    """nbgrader's Autograde for one submission of Ada's, which has a scrap beside the notebook."""
    caplog.set_level(logging.WARNING)
    submitted = tmp_path / "submitted" / "ada" / "challenge"
    submitted.mkdir(parents=True)
    for name in ("challenge", "scrap"):
        nbformat.write(new_notebook(), submitted / f"{name}.ipynb")
    coursedir = CourseDirectory(root=str(tmp_path), db_url=db_url, assignment_id="challenge")
    converter = Autograde(coursedir=coursedir)
    converter.init_notebooks()
    converter.log = logging.getLogger("nbgrader")
    return converter


def autograded(folder, mark=None, text=None):
    """Ada's folder in autograded/, with a notebook that has this mark or this text."""
    path = folder / "autograded" / "ada" / "challenge" / "challenge.ipynb"
    path.parent.mkdir(parents=True)
    notebook = new_notebook()
    if mark:
        notebook.metadata[MARK] = mark
    path.write_text(nbformat.writes(notebook) if text is None else text)
    return path


def mark_of_a_dead_process():
    script = "from nbformat.v4 import new_notebook; from autograder.grading import unfinished as u\n"
    script += "nb = new_notebook(); u.add_mark(nb); print(nb.metadata[u.MARK])"
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip()


def test_a_killed_process_has_its_submission_graded_again(autograde, tmp_path, caplog):
    path = autograded(tmp_path, mark_of_a_dead_process())
    forget_unfinished(autograde)
    assert not path.parent.exists()
    assert "challenge of ada was interrupted in its autograding, so it is autograded again" in caplog.text


def test_a_graded_submission_stays(autograde, tmp_path, caplog):
    path = autograded(tmp_path)
    SubmissionReader(parent=autograde)
    assert path.exists() and not caplog.text
    assert not (path.parent / "scrap.ipynb").exists()  # the gradebook does not know it, so nothing is missing


@pytest.mark.parametrize("text", ["", '{"cells": [', "[]", '{"metadata": 1}'])
def test_a_notebook_that_was_not_written_to_its_end_is_graded_again(autograde, tmp_path, text):
    path = autograded(tmp_path, text=text)
    forget_unfinished(autograde)
    assert not path.exists()


def test_a_folder_without_its_notebook_is_graded_again_unless_it_was_made_just_now(autograde, tmp_path, caplog):
    path = autograded(tmp_path)
    path.unlink()
    forget_unfinished(autograde)
    assert path.parent.exists() and "run this again" in caplog.text
    os.utime(path.parent, (time.time() - 60,) * 2)
    SubmissionReader(parent=autograde)
    assert not path.parent.exists()


def test_a_process_that_is_at_work_is_left_alone(autograde, tmp_path, caplog):
    notebook = new_notebook()
    add_mark(notebook)
    path = autograded(tmp_path, notebook.metadata[MARK])
    os.utime(path, (time.time() - 7200,) * 2)  # a long training
    forget_unfinished(autograde)
    assert path.exists()
    assert f"is being autograded by process {os.getpid()} on {platform.node()}" in caplog.text
    assert "with --force" in caplog.text


def test_a_process_of_another_machine_counts_as_at_work_for_a_day(autograde, tmp_path):
    path = autograded(tmp_path, OTHER_MACHINE)
    forget_unfinished(autograde)
    assert path.exists()
    os.utime(path, (time.time() - 90_000,) * 2)
    forget_unfinished(autograde)
    assert not path.exists()


def test_what_was_at_work_before_this_machine_started_is_graded_again(autograde, tmp_path, monkeypatch):
    path = autograded(tmp_path, OTHER_MACHINE.replace("other-host", platform.node()))
    forget_unfinished(autograde)
    assert path.exists()
    monkeypatch.setattr(psutil, "boot_time", lambda: time.time() + 60)
    forget_unfinished(autograde)
    assert not path.exists()


def test_with_one_notebook_chosen_nothing_else_is_removed(autograde, tmp_path):
    path = autograded(tmp_path, "no mark of ours")
    (path.parent / "scrap.ipynb").write_text("{}")
    autograde.coursedir.notebook_id = "challenge"
    autograde.init_notebooks()
    forget_unfinished(autograde)
    assert not path.exists() and (path.parent / "scrap.ipynb").exists()


def test_the_last_step_removes_the_mark_whatever_the_notebook_holds():
    notebook = new_notebook(metadata={MARK: "a student's"})
    add_mark(notebook)
    assert has_mark(notebook) and notebook.metadata[MARK].split()[1] == owners.machine()
    assert not has_mark(TrainedScore().preprocess(notebook, {})[0])
    remove_mark(notebook)
