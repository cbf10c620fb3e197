"""nbgrader's own Autograde with our reader: what is no plain file is told, and never followed or waited for."""

import logging
import os
import shutil
import socket
import sqlite3

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde, GenerateFeedback
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from autograder.nbgrader_plugins.plain_hand_ins import FeedbackExporter, PlainCollect
from autograder.nbgrader_plugins.reader import SubmissionReader
from tests.support.gradebooks import new_gradebook
from tests.support.hand_ins import SPECIAL, make_special

pytestmark = pytest.mark.filterwarnings("ignore")  # of nbgrader's own use of SQLAlchemy
SECRET = "what the teacher wrote"


@pytest.fixture(scope="module")
def gradebook_with_challenge(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gradebook")
    with Gradebook(new_gradebook(folder)) as gradebook:
        gradebook.add_assignment("challenge")
        gradebook.add_notebook("challenge", "challenge")
    return folder / "gradebook.db"


class SmallCourse:
    """A course with one assignment, in which nothing is executed: only what nbgrader reads and copies matters."""

    def __init__(self, root):
        self.root = root
        self.notes = root / "private_notes.txt"
        self.notes.write_text(SECRET)
        (root / "source" / "challenge").mkdir(parents=True)

    def hand_in(self, student, notebook=True):
        folder = self.root / "submitted" / student / "challenge"
        folder.mkdir(parents=True)
        if notebook:
            nbformat.write(new_notebook(cells=[new_code_cell("x = 1")]), folder / "challenge.ipynb")
        return folder

    def convert(self, converter_class):
        config = Config()
        config.CourseDirectory.update(
            root=str(self.root), db_url=f"sqlite:///{self.root / 'gradebook.db'}", assignment_id="challenge"
        )
        config.Autograde.update(exporter_class=SubmissionReader, sanitize_preprocessors=[], autograde_preprocessors=[])
        log = logging.getLogger("nbgrader-test")
        config.GenerateFeedback.exporter_class = FeedbackExporter
        converter_class(coursedir=CourseDirectory(config=config, log=log), config=config, log=log).start()

    def autograde(self):
        self.convert(Autograde)

    def autograded(self, student):
        """File -> content, of the student's folder."""
        folder = self.root / "autograded" / student / "challenge"
        return {str(p.relative_to(folder)): p.read_bytes().decode() for p in folder.rglob("*") if p.is_file()}

    def students(self):
        with Gradebook(f"sqlite:///{self.root / 'gradebook.db'}") as gradebook:
            return {submission.student_id for submission in gradebook.assignment_submissions("challenge")}


@pytest.fixture
def course(gradebook_with_challenge, tmp_path):
    shutil.copy(gradebook_with_challenge, tmp_path)
    return SmallCourse(tmp_path)


@pytest.mark.parametrize("kind", SPECIAL)
def test_beside_a_notebook_and_in_its_place_nothing_is_followed(course, kind, caplog):
    beside, instead, timed = course.hand_in("ann"), course.hand_in("bob", notebook=False), course.hand_in("cyd")
    (beside / "data").mkdir()
    (beside / "data" / "table.csv").write_text("1,2")
    make_special(beside / "data.txt", kind, course.notes)
    make_special(instead / "challenge.ipynb", kind, course.notes)
    make_special(timed / "timestamp.txt", kind, course.notes)
    course.autograde()
    assert course.students() == {"ann", "bob", "cyd"}
    assert set(course.autograded("ann")) == {"challenge.ipynb", "data/table.csv"}
    assert "so nothing in it could be graded" in course.autograded("bob")["challenge.ipynb"]
    assert set(course.autograded("cyd")) == {"challenge.ipynb"}
    for student in ("ann", "bob", "cyd"):
        assert SECRET not in "".join(course.autograded(student).values())
    if kind != "dangling link":
        assert "Tell ann to hand in plain files" in caplog.text and SPECIAL[kind] in caplog.text


def test_links_of_folders_show_nothing_of_where_they_lead(course):
    solution = course.root / "source" / "challenge"
    nbformat.write(new_notebook(cells=[new_code_cell(f"# {SECRET}")]), solution / "challenge.ipynb")
    (course.hand_in("ann") / "src").symlink_to(solution)
    (course.root / "submitted" / "bob").mkdir()
    (course.root / "submitted" / "bob" / "challenge").symlink_to(solution)
    (course.root / "submitted" / "cyd").symlink_to("ann")
    course.autograde()
    for student in ("ann", "bob", "cyd"):
        assert SECRET not in "".join(course.autograded(student).values())
    for student in ("bob", "cyd"):
        assert "in the folder" in course.autograded(student)["challenge.ipynb"]


def test_a_socket_beside_a_notebook_stops_nobody(course, monkeypatch):
    monkeypatch.chdir(course.hand_in("ann"))  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        monkeypatch.chdir(course.root)
        course.autograde()
    assert set(course.autograded("ann")) == {"challenge.ipynb"}


def test_a_name_is_no_pattern(course):
    for student in ("ada", "lea[x]", "a*b", "who?"):
        course.hand_in(student)
    course.autograde()
    assert course.students() == {"ada", "lea[x]", "a*b", "who?"}
    assert "x = 1" in course.autograded("lea[x]")["challenge.ipynb"]
    course.convert(GenerateFeedback)
    assert (course.root / "feedback" / "lea[x]" / "challenge" / "challenge.html").exists()


@pytest.mark.parametrize("name", ["rene\u0301", "zoe ", " lea"])
def test_a_name_that_differs_by_what_nobody_sees_is_told(course, name, caplog):
    course.hand_in("ada")
    course.hand_in(name)
    with pytest.raises(NbGraderException):
        course.autograde()
    assert course.students() == {"ada"} and "differ by what nobody sees. Rename it to" in caplog.text
    with Gradebook(f"sqlite:///{course.root / 'gradebook.db'}") as gradebook:
        gradebook.add_student(name)  # an earlier version has graded it
    course.autograde()
    assert course.students() == {"ada", name}


def test_a_gradebook_of_another_version_is_told_before_anything_is_done(course, caplog):
    course.hand_in("ada")
    with sqlite3.connect(course.root / "gradebook.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '167914646830'")
    connection.close()
    with pytest.raises(NbGraderException, match="nbgrader db upgrade"):
        course.autograde()
    assert "nbgrader db upgrade" in caplog.text and not os.path.exists(course.root / "autograded")


@pytest.mark.parametrize("kind", SPECIAL)
def test_collect_copies_what_is_plain_and_tells_the_rest(course, kind, caplog):
    inbound = course.hand_in("ann")
    (inbound / "table.csv").write_text("1,2")
    make_special(inbound / "data.txt", kind, course.notes)
    (inbound / "folder").symlink_to(course.root)
    collect = PlainCollect.__new__(PlainCollect)
    collect.coursedir, collect.log = CourseDirectory(root=str(course.root)), logging.getLogger("nbgrader-test")
    ignored = list(collect.coursedir.ignore)
    collect.do_copy(str(inbound), str(course.root / "submitted" / "copy"))
    copied = {path.name for path in (course.root / "submitted" / "copy").iterdir()}
    assert copied == {"challenge.ipynb", "table.csv"} and collect.coursedir.ignore == ignored
    assert "data.txt is a link, a pipe or a device" in caplog.text and "folder is a link" in caplog.text
    (course.root / "linked").symlink_to(inbound)
    collect.do_copy(str(course.root / "linked"), str(course.root / "submitted" / "bob"))
    assert not (course.root / "submitted" / "bob").exists() and "linked is a symbolic link" in caplog.text
