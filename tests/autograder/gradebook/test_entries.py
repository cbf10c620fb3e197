"""The gradebook as it was read: the numbers are those that nbgrader and the exports write themselves."""

import csv
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event
from traitlets.config import Config

from autograder.gradebook import entries
from autograder.gradebook.entries import CellScore, GradedCell, read_gradebook
from autograder.nbgrader_plugins.exports import MoodleExport
from autograder.nbgrader_plugins.given_grades import CsvExport, LatePenalties
from course.errors import GraderError
from tests.support.courses import NOON, MadeUpCourse, contents

ZERO = Config({"LateSubmissionPlugin": {"penalty_method": "zero"}})


def read(course, config=ZERO):
    return read_gradebook(course.db_url, LatePenalties(config=config))


def exported(course, plugin):
    plugin.to = str(course.root / "export.csv")
    with course.gradebook() as gradebook:
        plugin.export(gradebook)
    with (course.root / "export.csv").open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def test_totals_are_what_the_exports_write(tmp_path):
    """On time, late, late with an extension, graded by hand after the penalty, with extra credit, waiting, nothing."""
    course = MadeUpCourse(tmp_path, by_hand=True)
    for number, student in enumerate(("ada", "ben", "cy", "dora", "eli", "fay")):
        course.hand_in(student, at=NOON + dt.timedelta(hours=2 * (number % 3)))
        course.autograde(student, recipe=float(number))
        if student != "fay":
            course.set_grade(student, "report", manual_score=2.5, needs_manual_grade=False)
    course.set_grade("dora", "trained_score", extra_credit=1.0)
    course.set_due(NOON + dt.timedelta(hours=1))
    course.enrol("gus")
    with course.gradebook() as gradebook:
        gradebook.grant_extension("challenge", "ben", hours=2)

    content = read(course)
    totals = {entry.student: entry.total for entry in content.entries}
    assert totals == {"ada": 4.5, "ben": 5.5, "cy": 0.0, "dora": 8.5, "eli": 0.0, "fay": None}
    moodle = {row["Username"]: row["challenge: total"] for row in exported(course, MoodleExport(config=ZERO))}
    assert moodle == {name: "" if total is None else f"{total:g}" for name, total in totals.items()} | {"gus": "0"}
    grades = {row["student_id"]: float(row["score"]) for row in exported(course, CsvExport(config=ZERO))}
    assert grades == {e.student: max(0.0, e.score - e.penalty) for e in content.entries} | {"gus": 0.0}
    assert {entry.student: entry.kept_penalty for entry in read(course).entries} == {
        entry.student: entry.penalty for entry in content.entries
    }


@given(auto=st.none() | st.floats(0, 10), manual=st.none() | st.floats(0, 10), extra=st.none() | st.floats(0, 5))
def test_a_person_s_score_counts_before_the_autograder_s(auto, manual, extra):
    given_score = auto if manual is None else manual
    expected = 0.0 if given_score is None else given_score + (extra or 0.0)
    assert CellScore(GradedCell("n", "c", 10), auto, manual, extra).points == expected


def test_cells_that_a_person_grades_are_told_from_those_that_autograding_always_scores(tmp_path):
    course = MadeUpCourse(tmp_path, by_hand=True)
    course.hand_in("ada")
    course.autograde("ada", counts=None)
    (entry,) = read(course).entries
    assert {cell.cell.name: cell.was_never_given for cell in entry.cells} == {
        "trained_score": False,
        "counts": True,
        "report": False,
    }
    (known,) = read(course).assignments
    assert known.notebooks == ("challenge",) and sum(cell.max_points for cell in known.cells) == 15


def test_the_number_of_queries_does_not_depend_on_the_size_of_the_class(course, monkeypatch):
    counts = []
    create = entries.create_engine

    def counting(*arguments, **options):
        engine = create(*arguments, **options)
        event.listen(engine, "before_cursor_execute", lambda *_: counts.append(1))
        return engine

    monkeypatch.setattr(entries, "create_engine", counting)
    sizes = []
    for students in (["ada"], ["ben", "cy", "dora"]):
        for student in students:
            course.hand_in(student)
            course.autograde(student)
        counts.clear()
        read(course)
        sizes.append(len(counts))
    assert sizes[0] == sizes[1] <= 12


def test_reading_changes_and_creates_nothing(course):
    course.grade_all("ada")
    course.set_due(NOON - dt.timedelta(days=1))
    before = contents(course.root)
    assert read(course).entries[0].penalty == 12.0
    assert contents(course.root) == before


def test_a_gradebook_that_is_none_is_told_and_one_that_is_not_there_is_empty(tmp_path):
    (tmp_path / "gradebook.db").write_text("no database, but long enough to look at")
    with pytest.raises(GraderError, match="cannot be read: file is not a database"):
        read_gradebook(f"sqlite:///{tmp_path / 'gradebook.db'}", LatePenalties())
    assert read_gradebook(f"sqlite:///{tmp_path / 'none.db'}", LatePenalties()).students == ()
    assert not (tmp_path / "none.db").exists()
