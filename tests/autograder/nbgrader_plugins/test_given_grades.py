"""What is handed out: today's late penalty, and no score that was never given."""

import csv
import datetime as dt

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.api import Gradebook
from traitlets.config import Config

from autograder.grading.unfinished import add_mark
from autograder.nbgrader_plugins.exports import MoodleExport
from autograder.nbgrader_plugins.given_grades import CsvExport, GivenGrades
from autograder.store import open_store
from course.errors import GraderError
from tests.support.gradebooks import new_gradebook

pytestmark = pytest.mark.filterwarnings("ignore")  # of nbgrader's own use of SQLAlchemy
DUE = dt.datetime(2026, 7, 10, 12)
NAMES = ("challenge", "challenge", "ada")  # of the notebook, the assignment and the student
ZERO = Config({"LateSubmissionPlugin": {"penalty_method": "zero"}})


@pytest.fixture
def db_url(tmp_path):
    """Ada is an hour late, has 1 of 2 points and lost it when she was autograded; a person still has to read."""
    db_url = new_gradebook(tmp_path)
    with Gradebook(db_url) as gradebook:
        gradebook.add_assignment("challenge", duedate=DUE)
        gradebook.add_notebook("challenge", "challenge")
        gradebook.add_grade_cell("counts", "challenge", "challenge", max_score=2, cell_type="code")
        gradebook.add_grade_cell("report", "challenge", "challenge", max_score=3, cell_type="markdown")
        gradebook.add_solution_cell("report", "challenge", "challenge")
        for name in ("counts", "report"):
            gradebook.add_source_cell(name, "challenge", "challenge", cell_type="code", source="")
        gradebook.add_student("ada")
        gradebook.add_submission("challenge", "ada", timestamp=DUE + dt.timedelta(hours=1))
        counts = gradebook.find_grade("counts", *NAMES)
        counts.auto_score, counts.needs_manual_grade = 1, False
        gradebook.find_submission_notebook(*NAMES).late_submission_penalty = 1
        gradebook.db.commit()
    return db_url


def grade_by_hand(db_url, points):
    with Gradebook(db_url) as gradebook:
        report = gradebook.find_grade("report", *NAMES)
        report.manual_score, report.needs_manual_grade = points, False
        gradebook.db.commit()


def notebook():
    def cell(new, name, **flags):
        flags = {"grade": True, "solution": False, "locked": False, "task": False, "schema_version": 3, **flags}
        return new("", metadata={"nbgrader": {"grade_id": name, "points": 2, **flags}})

    return new_notebook(cells=[cell(new_code_cell, "counts"), cell(new_markdown_cell, "report", solution=True)])


def feedback(db_url, config=ZERO, nb=None):
    """(score, penalty) in the feedback."""
    names = {"student": "ada", "assignment": "challenge", "notebook": "challenge", "db_url": db_url}
    _, resources = GivenGrades(config=config).preprocess(nb or notebook(), {"nbgrader": names})
    return resources["nbgrader"]["score"], resources["nbgrader"]["late_penalty"]


def exported(plugin, db_url, path):
    plugin.to = str(path)
    with Gradebook(db_url) as gradebook:
        plugin.export(gradebook)
    with path.open(newline="", encoding="utf-8-sig") as file:
        (row,) = csv.DictReader(file)
    return row


def test_points_that_a_person_gives_later_do_not_escape_the_penalty(db_url, tmp_path):
    grade_by_hand(db_url, 2.5)
    assert exported(CsvExport(config=ZERO), db_url, tmp_path / "grades.csv")["score"] == "0.0"
    row = exported(MoodleExport(config=ZERO), db_url, tmp_path / "moodle.csv")
    assert [row[f"challenge: {name}"] for name in ("counts", "report", "total")] == ["1", "2.5", "0"]
    assert feedback(db_url) == (0.0, 3.5)


def test_without_totals_the_cells_add_up_to_what_is_left(db_url, tmp_path):
    grade_by_hand(db_url, 2.5)
    row = exported(MoodleExport(config=ZERO, total=False), db_url, tmp_path / "moodle.csv")
    assert [row[f"challenge: {name}"] for name in ("counts", "report")] == ["0", "0"]


def test_an_extension_or_another_rule_takes_the_penalty_back(db_url, tmp_path):
    assert feedback(db_url) == (0.0, 1.0)
    assert feedback(db_url, Config()) == (1.0, 0)
    assert feedback(db_url) == (0.0, 1.0)
    with Gradebook(db_url) as gradebook:
        gradebook.grant_extension("challenge", "ada", hours=2)
    assert exported(CsvExport(config=ZERO), db_url, tmp_path / "grades.csv")["score"] == "1.0"
    assert feedback(db_url) == (1.0, 0)


def test_a_score_that_was_never_given_is_not_handed_out(db_url):
    with Gradebook(db_url) as gradebook:
        gradebook.find_grade("counts", *NAMES).auto_score = None
        gradebook.db.commit()
    with pytest.raises(GraderError, match="not autograded to its end, so there is no feedback yet"):
        feedback(db_url)
    with Gradebook(db_url) as gradebook:
        gradebook.find_grade("counts", *NAMES).manual_score = 2
        gradebook.db.commit()
    assert feedback(db_url, Config()) == (2.0, 0)


def test_the_score_of_an_earlier_hand_in_is_not_handed_out_with_one_that_is_not_graded(db_url):
    marked = notebook()
    add_mark(marked)
    with pytest.raises(GraderError, match="nbgrader autograde challenge --student=ada --force"):
        feedback(db_url, nb=marked)


# --- class changes


@pytest.fixture
def changed(db_url, tmp_path):
    """Record class changes in a store, and export by it: (student, points) of each line. Ben is in the class too."""
    path = str(tmp_path / "results.db")
    config = Config({"TrainedScore": {"store": path}})
    with Gradebook(db_url) as gradebook:
        gradebook.update_or_create_student("ada", first_name="Ada", email="ada@example.org")
        gradebook.add_student("ben")

    def export(*changes):
        with open_store(path) as store:
            for kind, *names in changes:
                of_team = "challenge" if kind == "team" else ""
                store.class_changes.record(kind, names, of_team, reason="so it is", known=None)
        with Gradebook(db_url) as gradebook:
            CsvExport(to=str(tmp_path / "grades.csv"), config=config).export(gradebook)
            MoodleExport(to=str(tmp_path / "moodle.csv"), config=config).export(gradebook)
        with (tmp_path / "grades.csv").open() as file:
            lines = {row["student_id"]: float(row["raw_score"]) for row in csv.DictReader(file)}
        with (tmp_path / "moodle.csv").open() as file:
            rows = {row["Username"]: row for row in csv.DictReader(file)}
        assert rows.keys() == lines.keys()
        assert all(float(row["challenge: counts"]) == lines[name] for name, row in rows.items())
        return lines, rows

    return export


def enter(db_url, student, points, hours=1):
    with Gradebook(db_url) as gradebook:
        gradebook.update_or_create_submission("challenge", student, timestamp=DUE + dt.timedelta(hours=hours))
        counts = gradebook.find_grade("counts", "challenge", "challenge", student)
        counts.auto_score, counts.needs_manual_grade = points, False
        gradebook.db.commit()


def test_a_renamed_student_is_exported_under_the_new_id_with_the_old_grades(changed, db_url):
    lines, rows = changed(("rename", "ada", "ada2"))
    assert lines == {"ada2": 1, "ben": 0}
    assert (rows["ada2"]["First name"], rows["ada2"]["Email address"]) == ("Ada", "ada@example.org")
    with Gradebook(db_url) as gradebook:
        assert gradebook.find_submission("challenge", "ada").score == 1  # nothing is moved or deleted


def test_of_two_ids_of_one_person_the_newest_hand_in_is_exported(changed, db_url):
    enter(db_url, "ben", 2, hours=-1)
    assert changed(("merge", "ben", "ada"))[0] == {"ada": 1}
    enter(db_url, "ben", 2, hours=3)
    assert changed()[0] == {"ada": 2}


def test_a_teams_one_hand_in_is_exported_for_every_member(changed, db_url):
    with Gradebook(db_url) as gradebook:
        gradebook.add_student("alpha")
    assert changed(("team", "alpha", "ada", "ben", "cyd"))[0] == {"ada": 1, "ben": 1, "cyd": 1}
    enter(db_url, "alpha", 2, hours=2)  # under the team's own name
    assert changed()[0] == {"ada": 2, "ben": 2, "cyd": 2}


def test_who_is_dropped_is_not_exported_and_who_is_hidden_is(changed):
    assert changed(("drop", "ben"), ("hide", "ada"))[0] == {"ada": 1}


@pytest.mark.parametrize("exporter", [CsvExport, MoodleExport])
def test_a_store_that_cannot_be_read_ends_an_export_with_a_sentence(db_url, tmp_path, caplog, exporter):
    (tmp_path / "broken.db").write_bytes(b"no database" * 100)
    with Gradebook(db_url) as gradebook, pytest.raises(SystemExit) as exited:
        exporter(config=Config({"TrainedScore": {"store": str(tmp_path / "broken.db")}})).export(gradebook)
    assert exited.value.code == 3 and "broken.db cannot be used" in caplog.text
