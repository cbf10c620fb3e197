"""Whether a source gives one recipe: captured again under other conditions, it must give the same spec.

A recipe that depends on the date, on drawn numbers or on its process would be another one at each grading, and draw
new seeds without being handed in again.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import platform
import socket
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import torch

LATER = dt.timedelta(days=400, hours=7, minutes=13, seconds=17)  # another year, month, day, weekday and hour
OTHER_SEED = 20_270_405
OTHER_VARIABLES = {"USER": "nobody", "LOGNAME": "nobody", "HOSTNAME": "elsewhere"}
# the date, and the time since the machine started; clock_gettime reads all of them (not there on Windows)
CLOCKS = [name + end for name in ("time", "monotonic", "perf_counter", "clock_gettime") for end in ("", "_ns")]

_now = dt.datetime.now  # of the class that `other_conditions` replaces


class LaterDate(dt.date):
    """`datetime.date` under the other clock."""

    @classmethod
    def today(cls) -> Any:
        return (_now() + LATER).date()


class LaterDateTime(dt.datetime):
    """`datetime.datetime` under the other clock."""

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> Any:
        return _now(tz) + LATER

    @classmethod
    def today(cls) -> Any:
        return _now() + LATER

    @classmethod
    def utcnow(cls) -> Any:
        return _now(dt.UTC).replace(tzinfo=None) + LATER


@contextlib.contextmanager
def other_conditions(*, alone: bool = False) -> Iterator[None]:
    """Inside, Python's clock and machine look like others, and PyTorch draws other numbers.

    If the caller is `alone` in its process, the process has another number too; a notebook's kernel watches its own.
    Code that looks past Python's own modules is not deceived.
    """
    pid, parent = os.getpid() + 4711, os.getppid() + 4711
    replaced: list[tuple[object, str, object]] = [(time, name, function) for name, function in _later_clock().items()]
    replaced += [(dt, "date", LaterDate), (dt, "datetime", LaterDateTime)]
    replaced += [(os, "getpid", lambda: pid), (os, "getppid", lambda: parent)] if alone else []
    replaced.append((sys, "argv", ["elsewhere"]))
    replaced += [(socket, "gethostname", lambda: "elsewhere"), (platform, "node", lambda: "elsewhere")]
    with contextlib.ExitStack() as stack:
        for module, name, value in replaced:
            stack.enter_context(patch.object(module, name, value))
        stack.enter_context(patch.dict(os.environ, OTHER_VARIABLES))
        stack.enter_context(torch.random.fork_rng(devices=[]))
        torch.manual_seed(OTHER_SEED)
        yield


def _later_clock() -> dict[str, Callable[..., Any]]:
    """What takes the place of the functions of `time` that know the date."""
    real = {name: getattr(time, name) for name in ("gmtime", "localtime", "ctime", "asctime", "strftime")}
    read = {name: getattr(time, name) for name in CLOCKS if hasattr(time, name)}

    def later(name: str) -> Callable[..., Any]:
        seconds = int(LATER.total_seconds()) * (10**9 if name.endswith("_ns") else 1)
        return lambda *clock: read[name](*clock) + seconds

    now = later("time")

    def of_seconds(name: str) -> Callable[..., Any]:
        return lambda seconds=None: real[name](now() if seconds is None else seconds)

    return {
        **{name: later(name) for name in read},
        **{name: of_seconds(name) for name in ("gmtime", "localtime", "ctime")},
        "asctime": lambda *given: real["asctime"](*(given or [real["localtime"](now())])),
        "strftime": lambda form, *given: real["strftime"](form, *(given or [real["localtime"](now())])),
    }
