"""One function reads every time that comes in: with any zone name, abbreviation or offset, and says what it assumed."""

import contextlib
import datetime as dt
import os
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from autograder.grading.times import ZONE_VARIABLE, course_zone, read_time, zone_named
from course.errors import UsageError

# in each: does it keep summer time, and what is a clock called that shows a time in it
ZONES = ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo"]


def utc(text):
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("text", "zone", "time"),
    [
        ("2026-07-10 23:30:00 CEST", "UTC", "2026-07-10 21:30"),
        ("2026-07-10 23:30:00.000000 CEST", "Europe/Berlin", "2026-07-10 21:30"),
        ("2026-07-10 23:30:00 (CEST)", "UTC", "2026-07-10 21:30"),
        ("2026-07-10 23:30:00 EDT", "UTC", "2026-07-11 03:30"),
        ("2026-07-10 23:30:00 EDT", "America/New_York", "2026-07-11 03:30"),
        ("2026-07-10 11:30 PM EDT", "UTC", "2026-07-11 03:30"),
        ("2026-07-10 23:30:00 +0200", "UTC", "2026-07-10 21:30"),
        ("2026-07-10 23:30:00+02:00", "UTC", "2026-07-10 21:30"),
        ("2026-07-10T23:30:00.000+0200", "UTC", "2026-07-10 21:30"),
        ("2026-07-10 23:30:00 -03", "UTC", "2026-07-11 02:30"),  # what %Z gives in Sao Paulo
        ("2026-07-10 23:30:00 +0545", "UTC", "2026-07-10 17:45"),
        ("2026-07-10 23:30:00 UTC+2", "UTC", "2026-07-10 21:30"),
        ("2026-07-10 23:30:00 GMT-0330", "UTC", "2026-07-11 03:00"),
        ("2026-07-10 23:30:00 Etc/GMT+2", "UTC", "2026-07-11 01:30"),  # of the tz database: the sign is reversed
        ("2026-07-10 23:30:00 Europe/Berlin", "America/New_York", "2026-07-10 21:30"),
        ("2026-01-10 23:30:00 europe/berlin", "UTC", "2026-01-10 22:30"),
        ("2026-07-10 23:30:00 CET", "UTC", "2026-07-10 21:30"),  # the tz database's, which keeps summer time
        ("2026-07-10 23:30:00 CET", "Africa/Algiers", "2026-07-10 22:30"),  # where it is CET all the year
        ("2026-01-10 23:30:00 CEST", "Europe/Berlin", "2026-01-10 21:30"),
        ("2026-07-10 23:30:00 IST", "Asia/Jerusalem", "2026-07-10 21:30"),
        ("2026-07-10 23:30:00 IST", "Asia/Kolkata", "2026-07-10 18:00"),
        ("2026-07-10 23:30:00 IST", "Europe/Dublin", "2026-07-10 22:30"),
        ("2026-07-10 23:30:00 CST", "Asia/Shanghai", "2026-07-10 15:30"),
        ("2026-07-10 23:30:00 CST", "America/Chicago", "2026-07-11 05:30"),
        ("20260710T233000Z", "UTC", "2026-07-10 23:30"),
        ("Fri, 10 Jul 2026 23:30:00 GMT", "UTC", "2026-07-10 23:30"),
    ],
)
def test_any_zone_name_abbreviation_or_offset_is_read_without_an_assumption(text, zone, time):
    read = read_time(text, zone_named(zone))
    assert (read.time, read.assumed) == (utc(time), "")
    assert read.time.tzinfo is dt.UTC


@pytest.mark.parametrize(
    ("text", "zone", "time", "said"),
    [
        ("2026-07-10 23:30:00", "Europe/Berlin", "2026-07-10 23:30", "it names no zone, so it was read in UTC"),
        ("2026-07-10", "UTC", "2026-07-10 00:00", "it names no time of day, so its first moment was taken"),
        ("2026-07-10 23:30:00 IST", "UTC", "2026-07-10 18:00", "IST means 2 things in the world, and the earliest"),
        ("2026-07-10 23:30:00 CST", "UTC", "2026-07-11 05:30", "CST was taken to be North America's"),
        ("2026-07-10 23:30:00 Mitteleuropa", "Europe/Berlin", "2026-07-10 21:30", "no zone is called Mitteleuropa"),
        ("07/08/2026 12:00 UTC", "UTC", "2026-07-08 12:00", "the month was taken to stand first: 08 July"),
        ("2026-10-25 02:30:00 Europe/Berlin", "UTC", "2026-10-25 00:30", "that hour came twice when the clocks"),
        ("2026-03-29 02:30:00 Europe/Berlin", "UTC", "2026-03-29 01:30", "that hour was left out when the clocks"),
    ],
)
def test_what_a_text_leaves_open_is_said(text, zone, time, said):
    read = read_time(text, zone_named(zone))
    assert read.time == utc(time)
    assert read.assumed.startswith(f"The time {text!r} was read as {time}:00 UTC: {said}")


def test_names_of_files_from_an_lms_are_in_its_own_zone():
    for text in ("2026-07-10-23-30-00", "2026-07-10_23-30", "10 July 2026, 11:30 PM"):
        read = read_time(text, without_zone=ZoneInfo("Europe/Berlin"))
        assert read.time == utc("2026-07-10 21:30") and "read in Europe/Berlin" in read.assumed


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("day", ["2026-01-15", "2026-07-15"])
def test_what_nbgrader_writes_in_a_zone_is_read_back(zone, day):
    moment = utc(f"{day} 21:30:15.000250")
    for form in ("%Y-%m-%d %H:%M:%S.%f %Z", "%Y-%m-%d %H:%M:%S.%f %z", "%Y-%m-%dT%H:%M:%S.%f%z"):
        assert read_time(moment.astimezone(ZoneInfo(zone)).strftime(form), ZoneInfo(zone)).time == moment


@pytest.mark.parametrize(
    ("zone", "change"),
    [
        ("Europe/Berlin", "2026-10-25 01:00"),
        ("America/New_York", "2026-11-01 06:00"),
        ("Australia/Sydney", "2026-04-04 16:00"),
        ("Europe/London", "2026-10-25 01:00"),
        ("America/Santiago", "2026-04-05 03:00"),
        ("Europe/Berlin", "2026-03-29 01:00"),
        ("America/New_York", "2026-03-08 07:00"),
    ],
)
def test_both_hours_of_a_change_of_the_clocks_are_told_apart(zone, change):
    """In UTC, quarter of an hour by quarter, from an hour and a half before the change to as long after it."""
    for minutes in range(-90, 91, 15):
        moment = utc(change) + dt.timedelta(minutes=minutes)
        written = moment.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S %Z")
        assert read_time(written, ZoneInfo(zone)).time == moment, written


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "12:00",
        "July 2026",
        "0001-01-01 00:00:00+23:00",
        "2026-07-10 23:30:00 +2500",
        "9" * 20,
        "2026-13-10 12:00",
        "\0",
        "2026-07-10 23:30:00 " + "x" * 100,
    ],
)
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        read_time(text)


@given(st.text(max_size=60))
@example("2026-07-10 23:30 ../../etc/passwd")
@example("2026-07-10 23:30 Europe")
@example("1-1-1 1:1 +1")
def test_a_hostile_text_is_a_time_or_a_value_error(text):
    with contextlib.suppress(ValueError):
        assert read_time(text).time.utcoffset() == dt.timedelta()


def test_the_zone_of_the_course_comes_from_the_environment(monkeypatch):
    monkeypatch.delenv(ZONE_VARIABLE, raising=False)
    assert course_zone() is dt.UTC
    monkeypatch.setitem(os.environ, ZONE_VARIABLE, "Asia/Kolkata")
    assert read_time("2026-07-10 23:30:00 IST").time == utc("2026-07-10 18:00")
    monkeypatch.setitem(os.environ, ZONE_VARIABLE, "Mars/Olympus")
    with pytest.raises(UsageError, match="no time zone 'Mars/Olympus'"):
        course_zone()
