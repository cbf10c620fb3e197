"""The one place where a time that comes in is read: with any zone name, abbreviation or offset, into UTC.

    read_time("2026-07-10 23:30:00 CEST").time                  2026-07-10 21:30 UTC
    read_time("2026-10-25 02:30:00", ZoneInfo("Europe/Berlin")).assumed     says which of the two hours was taken

What a text leaves open is decided in the student's favour, for the earlier moment, and `assumed` says so.
"""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from dateutil import parser

from course.errors import UsageError

Zone = ZoneInfo | dt.timezone
ZONE_VARIABLE = "UNDER8K_TIMEZONE"
MAX_LENGTH = 100  # characters; a longer text is no time
_ZONE_AT_END = re.compile(
    r"""(?P<rest>.*\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d+)?(?:\s*[ap]\.?m\.?)?|.*T\d{4,6}(?:[.,]\d+)?|.*\s\d{1,2}\s*[ap]m)
        \s*\(?(?P<zone>(?![ap]m$)[A-Za-z][\w/+:\-]*|[+\-\u2212][\d:]+)\)?""",
    re.VERBOSE | re.IGNORECASE | re.ASCII | re.DOTALL,
)
_OFFSET = re.compile(r"(?:UTC|GMT)?([+\-])(\d{1,2})(?::?(\d\d))?(?::?(\d\d))?", re.IGNORECASE | re.ASCII)
_DASHES = re.compile(r"(\d{4}-\d\d-\d\d)[-_T ](\d\d)-(\d\d)(?:-(\d\d))?", re.ASCII)  # as LMS write it in file names
_UTC_NAMES = frozenset({"UTC", "GMT", "Z", "UT", "UCT", "ZULU"})
# of RFC 5322, in hours; elsewhere in the world the same letters mean other zones
_US_HOURS = {"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7}


@dataclass(frozen=True)
class TimeRead:
    """A moment in UTC, and one sentence about what was assumed; empty if nothing was. `from_file`: no text said it."""

    time: dt.datetime
    assumed: str = ""
    from_file: bool = False


def zone_named(name: str) -> Zone:
    """A zone of the tz database. Raises UsageError."""
    zone = dt.UTC if name.upper() in _UTC_NAMES else _zone_of_key(name)
    if zone is None:
        raise UsageError(f"There is no time zone {name!r}. Write a name such as Europe/Berlin, or UTC.")
    return zone


def course_zone() -> Zone:
    """The zone in which this process reads and shows times: $UNDER8K_TIMEZONE, or UTC. Raises UsageError."""
    return zone_named(os.environ.get(ZONE_VARIABLE) or "UTC")


def shown(time: dt.datetime) -> dt.datetime:
    """The moment in the course's zone."""
    return time.astimezone(course_zone())


def read_time(text: str, zone: Zone | None = None, *, without_zone: Zone = dt.UTC) -> TimeRead:
    """Read a time. Raises ValueError if `text` is none, UsageError if the course's zone is none.

    `zone` is the course's, by default that of `course_zone`: it decides what an abbreviation means that several zones
    use. A text that names no zone is a time of `without_zone`: of UTC where nbgrader wrote it.
    """
    zone, text = zone or course_zone(), text.strip()
    if len(text) > MAX_LENGTH:
        raise ValueError(f"A time has at most {MAX_LENGTH} characters, and this text has {len(text):,}.")
    found = _ZONE_AT_END.fullmatch(text)
    local_text, name = (found["rest"], found["zone"]) if found else (text, "")
    local, assumed_date = _read_local(local_text)
    try:
        if not name:
            moment, assumed = _in_zone(local, without_zone)
            assumed = f"it names no zone, so it was read in {_name(without_zone)}" + (assumed and f", and {assumed}")
        else:
            moment, assumed = _with_zone_name(local, name, zone)
        time = moment.astimezone(dt.UTC)
    except OverflowError:
        raise ValueError(f"{text!r} is outside of the calendar.") from None
    notes = [note for note in (assumed_date, assumed) if note]
    return TimeRead(
        time, f"The time {text!r} was read as {time:%Y-%m-%d %H:%M:%S} UTC: {'; '.join(notes)}." * bool(notes)
    )


def _read_local(text: str) -> tuple[dt.datetime, str]:
    """The date and the time of day, without a zone, and what was assumed. Raises ValueError."""
    text = text.strip()
    if dashes := _DASHES.fullmatch(text):
        date, hour, minute, second = dashes.groups(default="00")
        text = f"{date} {hour}:{minute}:{second}"
    try:
        local = dt.datetime.fromisoformat(text).replace(tzinfo=None)
        return local, "it names no time of day, so its first moment was taken" if len(text) <= len("2026-07-10") else ""
    except ValueError:
        pass
    local = _parse(text)
    if re.match(r"\d{4}", text) or _parse(text, dayfirst=True) == local:
        return local, ""
    return local, f"the month was taken to stand first: {local:%d %B}"


def _parse(text: str, *, dayfirst: bool = False) -> dt.datetime:
    """By dateutil, which takes what is missing from a default: a time without a date is none. Raises ValueError."""
    defaults = dt.datetime(2000, 1, 1), dt.datetime(2001, 2, 2)
    one: dt.datetime
    other: dt.datetime
    try:
        one, other = (parser.parse(text, default=default, ignoretz=True, dayfirst=dayfirst) for default in defaults)
    except OverflowError as error:
        raise ValueError(str(error)) from None
    if one != other:
        raise ValueError(f"{text!r} has no complete date.")
    return one


def _with_zone_name(local: dt.datetime, name: str, zone: Zone) -> tuple[dt.datetime, str]:
    if (offset := _fixed_offset(name)) is not None:
        return local.replace(tzinfo=offset), ""
    if name.upper() in _UTC_NAMES:
        return local.replace(tzinfo=dt.UTC), ""
    own = set(_offsets(name, local, [zone])) or set(_offsets(name, _other_season(local), [zone]))
    if own:  # summer or winter is in the name, so both hours of a change are told apart
        return _earliest(local, own), ""
    if (named := _zone_of_key(name)) is not None:
        exact = set(_offsets(name, local, [named]))  # CET is the name of a zone that keeps summer time, too
        return (_earliest(local, exact), "") if exact else _in_zone(local, named)
    offsets = set(_offsets(name, local, _all_zones())) or set(_offsets(name, _other_season(local), _all_zones()))
    if not offsets:
        moment, assumed = _in_zone(local, zone)
        note = f"no zone is called {name}, so it was read in the course's, {_name(zone)}"
        return moment, note + (assumed and f", and {assumed}")
    if len(offsets) == 1:
        return _earliest(local, offsets), ""
    if (hours := _US_HOURS.get(name.upper())) is not None:
        return local.replace(tzinfo=dt.timezone(dt.timedelta(hours=hours))), f"{name} was taken to be North America's"
    return _earliest(local, offsets), (
        f"{name} means {len(offsets)} things in the world, and the earliest moment was taken. "
        "Set c.Exchange.timezone to the course's zone"
    )


def _in_zone(local: dt.datetime, zone: Zone) -> tuple[dt.datetime, str]:
    """Of an hour that comes twice the first; of one that is left out, what the clock would show without the change."""
    first, second = local.replace(tzinfo=zone), local.replace(tzinfo=zone, fold=1)
    if first.utcoffset() == second.utcoffset():
        return first, ""
    if first.astimezone(dt.UTC).astimezone(zone).replace(tzinfo=None) != local:
        return first, "that hour was left out when the clocks went forward, and the clock was taken to be the old one"
    return first, "that hour came twice when the clocks went back, and the first one was taken"


def _fixed_offset(text: str) -> dt.timezone | None:
    """`+0200`, `+02:00`, `-03`, `UTC+2`: ahead of UTC where the sign is plus. None if `text` is none of these."""
    found = _OFFSET.fullmatch(text.replace("\u2212", "-"))
    if not found:
        return None
    sign, *parts = found.groups(default="0")
    hours, minutes, seconds = map(int, parts)
    if hours > 23 or minutes > 59 or seconds > 59:
        raise ValueError(f"{text!r} is no offset from UTC.")
    offset = dt.timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return dt.timezone(-offset if sign == "-" else offset)


def _offsets(name: str, local: dt.datetime, zones: Iterable[Zone]) -> Iterator[dt.timedelta]:
    """What an abbreviation means at that time, in each zone that uses it then."""
    for zone in zones:
        for fold in (0, 1):
            moment = local.replace(tzinfo=zone, fold=fold)
            offset = moment.utcoffset()
            if offset is not None and (moment.tzname() or "").upper() == name.upper():
                yield offset


def _earliest(local: dt.datetime, offsets: Iterable[dt.timedelta]) -> dt.datetime:
    return local.replace(tzinfo=dt.timezone(max(offsets)))


def _other_season(local: dt.datetime) -> dt.datetime:
    """The middle of the winter or of the summer: people write the summer's name in winter, and the other way round."""
    return local.replace(month=1 if 4 <= local.month <= 9 else 7, day=15)


def _zone_of_key(name: str) -> Zone | None:
    """A zone of the tz database; upper and lower case are the same."""
    key = _zone_keys().get(name.upper())
    return ZoneInfo(key) if key else None


@cache
def _zone_keys() -> dict[str, str]:
    return {key.upper(): key for key in available_timezones()}


@cache
def _all_zones() -> tuple[ZoneInfo, ...]:
    return tuple(ZoneInfo(key) for key in sorted(available_timezones()))


def _name(zone: Zone) -> str:
    return zone.key if isinstance(zone, ZoneInfo) else str(zone)
