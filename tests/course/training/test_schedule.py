"""A spec's schedule sets options when it should; one that does not fit the run is refused.

`tests/course/capture/test_schedule.py` compares it with the student's own scheduler, step by step.
"""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from course.errors import SpecError
from course.spec import Optimizer, ParameterGroup, Plateau, RepeatedColumn, ScheduleColumn, ScheduleTable
from course.training.optimizers import build_optimizer
from course.training.schedule import Schedule
from tests.support.optimizers import one_group, weights

EPOCHS, STEPS = 5, 40
TOTAL = {"epoch": EPOCHS, "batch": STEPS}


def plateau(groups: int = 1) -> Plateau:
    return Plateau(
        metric="train_loss",
        mode="min",
        factor=0.5,
        patience=0,
        threshold=0.0,
        threshold_mode="abs",
        cooldown=0,
        min_lrs=(0.0,) * groups,
        eps=0.0,
    )


@pytest.mark.parametrize(("by", "expected"), [("epoch", 0.3), ("batch", 0.7)])
def test_a_table_is_read_by_epoch_or_by_step(by, expected):
    optimizer = build_optimizer(one_group(lr=0.1), weights())
    values = tuple(step / 10 for step in range(STEPS))
    table = ScheduleTable(by=by, columns=(ScheduleColumn(group=0, option="lr", values=values),))
    Schedule(table, optimizer, TOTAL).before_step(3, 7)
    assert optimizer.param_groups[0]["lr"] == expected


def test_an_empty_group_keeps_its_place_in_the_schedule():
    given = Optimizer(
        name="SGD", groups=(ParameterGroup(params=(), options={}), ParameterGroup(params=("a",), options={"lr": 0.1}))
    )
    optimizer = build_optimizer(given, weights())
    table = ScheduleTable(by="epoch", columns=(ScheduleColumn(group=1, option="lr", values=(0.5,)),))
    Schedule(table, optimizer, {"epoch": 1, "batch": 1}).before_step(0, 0)
    assert [g["lr"] for g in optimizer.param_groups] == [0.001, 0.5]


def test_a_restored_plateau_goes_on_where_it_was():
    losses = [1.0, 2.0, 0.9, 0.95, 0.8, 0.85]
    rates = []
    for stop in (len(losses), 3):
        optimizer = build_optimizer(one_group(lr=1.0), weights())
        schedule = Schedule(plateau(), optimizer, TOTAL)
        for loss in losses[:stop]:
            schedule.after_epoch({"train_loss": loss})
        restored = Schedule(plateau(), optimizer, TOTAL)
        restored.load_state_dict(schedule.state_dict())
        for loss in losses[stop:]:
            restored.after_epoch({"train_loss": loss})
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates == [0.125, 0.125]


def test_a_table_has_no_state():
    table = ScheduleTable(by="epoch", columns=())
    assert Schedule(table, build_optimizer(one_group(lr=0.1), weights()), TOTAL).state_dict() == {}


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (ScheduleColumn(group=1, option="lr", values=(0.1,) * STEPS), "group 1, which does not exist"),
        (ScheduleColumn(group=0, option="speed", values=(0.1,) * STEPS), "no option 'speed'"),
        (ScheduleColumn(group=0, option="lr", values=((0.1, 0.2),) * STEPS), "'lr' cannot be"),
        (ScheduleColumn(group=0, option="lr", values=(0.1,) * 39), "39 values, and the run has 40 steps"),
    ],
    ids=["group", "option", "kind", "length"],
)
def test_a_table_that_does_not_fit_the_run_is_refused(column, message):
    optimizer = build_optimizer(one_group(lr=0.1), weights())
    with pytest.raises(SpecError, match=message):
        Schedule(ScheduleTable(by="batch", columns=(column,)), optimizer, TOTAL)


def test_a_plateau_has_a_lowest_rate_for_each_group():
    with pytest.raises(SpecError, match="2 lowest rates for 1 groups"):
        Schedule(plateau(groups=2), build_optimizer(one_group(lr=0.1), weights()), TOTAL)


def test_a_column_that_is_written_once_sets_all_its_options():
    groups = tuple(ParameterGroup(params=(name,), options={"lr": 0.1, "momentum": 0.5}) for name in "ab")
    optimizer = build_optimizer(Optimizer(name="SGD", groups=groups), weights())
    values, other = tuple(step / 10 for step in range(STEPS)), (0.25,) * STEPS
    full = ScheduleTable(
        by="batch",
        columns=(
            ScheduleColumn(group=0, option="lr", values=values),
            ScheduleColumn(group=0, option="momentum", values=other),
            ScheduleColumn(group=1, option="lr", values=values),
            ScheduleColumn(group=1, option="momentum", values=values),
        ),
    )
    shorter = full.without_repetitions()
    assert [getattr(column, "same_as", None) for column in shorter.columns] == [None, None, 0, 0]
    assert tuple(shorter.full_columns()) == full.columns
    Schedule(shorter, optimizer, TOTAL).before_step(0, 7)
    assert [(g["lr"], g["momentum"]) for g in optimizer.param_groups] == [(0.7, 0.25), (0.7, 0.7)]


@pytest.mark.parametrize("same_as", [1, 2, 3])
def test_a_column_that_repeats_itself_a_later_one_or_another_repetition_is_refused(same_as):
    column = ScheduleColumn(group=0, option="lr", values=(0.1,))
    repeated = (RepeatedColumn(group=0, option="momentum", same_as=same_as),)
    more = (RepeatedColumn(group=1, option="lr", same_as=0), ScheduleColumn(group=1, option="momentum", values=(0.1,)))
    with pytest.raises(ValidationError, match="which has no values"):
        ScheduleTable(by="epoch", columns=(column, *repeated, *more))


def test_repeated_columns_are_checked_like_others():
    table = ScheduleTable(
        by="epoch",
        columns=(
            ScheduleColumn(group=0, option="lr", values=(0.1,) * EPOCHS),
            RepeatedColumn(group=0, option="nesterov", same_as=0),
        ),
    )
    with pytest.raises(SpecError, match="nesterov"):
        Schedule(table, build_optimizer(one_group(lr=0.1), weights()), TOTAL)
