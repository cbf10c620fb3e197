"""nbgrader itself reads times in any zone: hand-ins, due dates, and the names that an LMS gives to files."""

import datetime as dt
import os

import nbgrader.apps.api
import nbgrader.apps.zipcollectapp
import nbgrader.coursedir
import nbgrader.exchange.default.collect
import nbgrader.utils
import pytest
from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from autograder.grading.attempts import TIMESTAMP, handed_in
from autograder.grading.times import ZONE_VARIABLE
from autograder.nbgrader_plugins.reader import SubmissionReader
from autograder.nbgrader_plugins.timezones import understand_time_zones
from tests.support.gradebooks import new_gradebook

MODULES = [nbgrader.utils, nbgrader.apps.api, nbgrader.apps.zipcollectapp, nbgrader.coursedir]
MODULES.append(nbgrader.exchange.default.collect)

pytestmark = pytest.mark.filterwarnings("ignore")  # of nbgrader's own use of SQLAlchemy


@pytest.fixture(autouse=True)
def undo(monkeypatch):
    """nbgrader as it was, after the test."""
    for module in MODULES:
        for name in ("parse_utc", "as_timezone", "to_numeric_tz"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, getattr(module, name))
    monkeypatch.setitem(os.environ, ZONE_VARIABLE, "")


def berlin():
    return Config({"Exchange": {"timezone": "Europe/Berlin"}})


def test_each_module_of_nbgrader_reads_the_same_time():
    understand_time_zones(berlin())
    for module in MODULES:
        assert module.parse_utc("2026-07-10 23:30:00 CEST") == dt.datetime(2026, 7, 10, 21, 30)
        assert module.parse_utc(dt.datetime(2026, 7, 10, 21, 30)) == dt.datetime(2026, 7, 10, 21, 30)
        assert module.parse_utc(None) is None
    understand_time_zones(Config())
    understand_time_zones(Config())
    assert nbgrader.utils.parse_utc("2026-07-10 23:30:00 EDT") == dt.datetime(2026, 7, 11, 3, 30)


def test_a_zone_that_is_set_after_the_call_counts():
    config = Config()
    understand_time_zones(config)
    config.Exchange.timezone = "Asia/Kolkata"
    assert nbgrader.utils.parse_utc("2026-07-10 23:30:00 IST") == dt.datetime(2026, 7, 10, 18)


def test_an_older_configuration_gets_it_with_the_reader():
    SubmissionReader(config=berlin())
    assert nbgrader.coursedir.parse_utc("2026-07-10 23:30:00 +0200") == dt.datetime(2026, 7, 10, 21, 30)


@pytest.mark.parametrize(
    ("written", "late"),
    [
        ("2026-07-10 23:30:00 CEST", 0),
        ("2026-07-10 23:59:59 +0200", 0),
        ("2026-07-11 00:00:30 CEST", 31),
        ("2026-07-10 18:01:00 EDT", 61),
    ],
)
def test_nbgraders_own_lateness_and_the_store_agree(tmp_path, written, late):
    """The due date is 23:59 in Berlin, entered as formgrader does."""
    understand_time_zones(berlin())
    folder = tmp_path / "submitted" / "ada" / "challenge"
    folder.mkdir(parents=True)
    (folder / TIMESTAMP).write_text(written)
    timestamp = CourseDirectory(root=str(tmp_path)).get_existing_timestamp(str(folder))
    assert handed_in(folder / "challenge.ipynb").time == timestamp.replace(tzinfo=dt.UTC)
    with Gradebook(new_gradebook(tmp_path)) as gradebook:
        gradebook.update_or_create_assignment("challenge", duedate="2026-07-10 23:59:59 +0200")
        gradebook.add_student("ada")
        submission = gradebook.update_or_create_submission("challenge", "ada", timestamp=timestamp)
        assert submission.total_seconds_late == late


def test_names_from_an_lms_are_in_the_courses_zone():
    understand_time_zones(berlin())
    assert nbgrader.apps.zipcollectapp.parse_utc("2026-07-10-23-30-00") == dt.datetime(2026, 7, 10, 21, 30)
    assert nbgrader.utils.parse_utc("2026-07-10 23:30:00") == dt.datetime(2026, 7, 10, 23, 30)


@pytest.mark.parametrize("hour", [0, 1])
def test_formgrader_shows_both_hours_of_a_change(hour):
    understand_time_zones(berlin())
    shown = nbgrader.apps.api.as_timezone(dt.datetime(2026, 10, 25, hour, 30), "Europe/Berlin")
    assert shown.strftime("%H:%M %Z") == ("02:30 CEST", "02:30 CET")[hour]
    assert nbgrader.apps.api.to_numeric_tz("Europe/Berlin") == "Europe/Berlin"  # for a due date in winter or summer
    assert nbgrader.apps.api.to_numeric_tz("UTC") == "+0000"
