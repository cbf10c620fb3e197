"""nbgrader reads and shows times in any zone: `nbgrader_config.py` calls `understand_time_zones(c)`.

nbgrader itself reads a zone's abbreviation as UTC unless the tz database has a file of that name ("CEST", "EDT"), and
an offset as seconds ("+0200"). So a hand-in counts as late that is not, or the other way round; so do due dates that
are entered in formgrader (jupyter/nbgrader#1932). All of nbgrader's modules get functions that read with
`autograder.grading.times` instead: `collect`, `autograde`, formgrader and the gradebook must agree about each time.
"""

from __future__ import annotations

import datetime as dt
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from nbgrader import utils
from traitlets.config import Config

from autograder.grading.times import ZONE_VARIABLE, Zone, course_zone, read_time, zone_named
from autograder.old_names import warn_once
from course.errors import UsageError

_configs: list[Config] = []  # the newest is the course's; a config file may set the zone after its call


def understand_time_zones(config: Config) -> None:
    """From now on nbgrader reads times as we do. The course's zone is `c.Exchange.timezone`, else $UNDER8K_TIMEZONE."""
    _configs[:] = [config]
    _replace("parse_utc", parse_utc)
    _replace("as_timezone", as_timezone)
    _replace("to_numeric_tz", zone_for_due_dates)
    from nbgrader.apps import zipcollectapp

    # names that an LMS gives to files have the LMS's own time in them
    zipcollectapp.parse_utc = partial(parse_utc, in_course_zone=True)


def nbgrader_zone() -> Zone:
    """The zone of the course whose nbgrader_config.py this process has read. Raises UsageError if there is none."""
    for config in _configs:
        if isinstance(name := config.Exchange.get("timezone"), str):
            os.environ[ZONE_VARIABLE] = name  # for all that reads times in this process and those that it starts
    return course_zone()


def _replace(name: str, ours: Callable[..., Any]) -> None:
    """In nbgrader's module, and in those that have imported the function from there; later ones get ours."""
    was = getattr(utils, name)
    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith("nbgrader") and vars(module).get(name) is was:
            setattr(module, name, ours)


def parse_utc(time: str | dt.datetime | None, *, in_course_zone: bool = False) -> dt.datetime | None:
    """In place of `nbgrader.utils.parse_utc`: UTC without a zone. Raises ValueError.

    `in_course_zone`: a text that names no zone is one of the course's, and not one of nbgrader's, which are UTC.
    """
    if isinstance(time, str):
        zone = nbgrader_zone()
        read = read_time(time, zone, without_zone=zone if in_course_zone else dt.UTC)
        if read.assumed:
            warn_once(read.assumed)
        time = read.time
    if time is None or time.tzinfo is None:
        return time
    return time.astimezone(dt.UTC).replace(tzinfo=None)


def as_timezone(time: dt.datetime, timezone: str) -> dt.datetime:
    """In place of `nbgrader.utils.as_timezone`, which is an hour wrong around a change of the clocks."""
    try:
        return time.replace(tzinfo=dt.UTC).astimezone(zone_named(timezone)) if timezone else time
    except UsageError:
        return time


def zone_for_due_dates(timezone: str) -> str:
    """In place of `nbgrader.utils.to_numeric_tz`: what formgrader fills in beside a due date.

    The offset of today would move a date on the other side of a change of the clocks.
    """
    return "+0000" if timezone.upper() == "UTC" else timezone
