"""A source is one recipe: whatever it depends on besides itself is found by capturing it again."""

import datetime
import os
import sys
import time

import pytest
import torch

from course.capture import capture, run_recipe
from course.capture.repeatability import LATER, other_conditions
from course.errors import RecipeError
from course.spec import MAX_SHOWN, differences, require_same
from tests.support.recipes import TINY

CLOCKS = {
    "time": lambda: time.time(),
    "time_ns": lambda: time.time_ns() / 1e9,
    "clock_gettime": lambda: time.clock_gettime(time.CLOCK_REALTIME),
    "clock_gettime_ns": lambda: time.clock_gettime_ns(time.CLOCK_REALTIME) / 1e9,
    "gmtime": lambda: datetime.datetime(*time.gmtime()[:6], tzinfo=datetime.UTC).timestamp(),
    "localtime": lambda: time.mktime(time.localtime()),
    "ctime": lambda: time.mktime(time.strptime(time.ctime())),
    "asctime": lambda: time.mktime(time.strptime(time.asctime())),
    "strftime": lambda: float(time.strftime("%s")),
    "now": lambda: datetime.datetime.now().timestamp(),
    "now_utc": lambda: datetime.datetime.now(datetime.UTC).timestamp(),
    "today": lambda: datetime.datetime.today().timestamp(),
    "utcnow": lambda: datetime.datetime.utcnow().replace(tzinfo=datetime.UTC).timestamp(),
}
LOOKS = {
    "process": lambda: (os.getpid(), os.getppid()),
    "user": lambda: os.environ.get("USER"),
    "arguments": lambda: list(sys.argv),
    "draw": lambda: torch.rand(1).item(),
    "date": lambda: datetime.date.today(),
}


@pytest.fixture(autouse=True)
def no_module_is_left(monkeypatch):
    monkeypatch.setitem(sys.modules, "recipe", None)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("clock", CLOCKS)
def test_every_clock_shows_another_day_and_hour_and_then_the_right_one_again(clock):
    with other_conditions():
        later = CLOCKS[clock]()
    assert later - time.time() == pytest.approx(LATER.total_seconds(), abs=5)
    assert CLOCKS[clock]() == pytest.approx(time.time(), abs=5)


@pytest.mark.parametrize("clock", ["monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns"])
def test_the_time_since_the_machine_started_is_another_one_too(clock):
    started = getattr(time, clock)()
    with other_conditions():
        later = getattr(time, clock)()
    unit = 1e9 if clock.endswith("_ns") else 1
    assert (later - started) / unit == pytest.approx(LATER.total_seconds(), abs=5)
    assert (getattr(time, clock)() - started) / unit < 5


@pytest.mark.parametrize("look", LOOKS)
def test_the_process_and_what_it_draws_are_others_and_nothing_of_it_stays(look):
    torch.manual_seed(1)
    before = LOOKS[look]()
    with other_conditions(alone=True):
        inside = LOOKS[look]()
    torch.manual_seed(1)
    assert inside != before and LOOKS[look]() == before


def test_a_time_that_is_given_is_left_as_it_is():
    with other_conditions():
        assert time.gmtime(0).tm_year == 1970 and time.strftime("%Y", (1999, *[1] * 8)) == "1999"


def test_an_honest_recipe_is_the_same_under_other_conditions():
    spec = capture(run_recipe(TINY))
    with other_conditions():
        again = capture(run_recipe(TINY))
    require_same(spec, again)
    assert again.to_json() == spec.to_json()


def test_what_differs_is_named_with_both_values():
    one, other = (capture(run_recipe(TINY.replace("lr=0.1", f"lr={rate}"))) for rate in (0.1, 0.1000001))
    assert differences(one, other) == ["optimizer.groups.0.options.lr is 0.1 and 0.1000001"]
    with pytest.raises(RecipeError, match=r"run twice: optimizer\.groups\.0\.options\.lr is 0\.1 and 0\.1000001\. "):
        require_same(one, other)


def test_only_the_first_differences_are_named():
    one, other = (capture(run_recipe(TINY.replace("4, 5, stride=3", f"4, {size}, stride=3"))) for size in (5, 7))
    found = differences(one, other)
    assert len(found) == MAX_SHOWN + 1 and found[-1].startswith("and ")


def test_where_a_line_stands_makes_no_difference():
    require_same(capture(run_recipe(TINY)), capture(run_recipe("\n\n" + TINY)))


def test_a_process_that_runs_other_code_too_keeps_its_number():
    before = os.getpid(), os.getppid()
    with other_conditions():
        assert (os.getpid(), os.getppid()) == before
