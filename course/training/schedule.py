"""A spec's schedule, which sets the optimizer's options while it trains."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.optim.lr_scheduler import ReduceLROnPlateau

from course import spec
from course.errors import SpecError
from course.training.device_optimizers import as_tensor_option
from course.training.optimizers import check_option, pytorch_name

_PLATEAU_STATE = ("best", "num_bad_epochs", "cooldown_counter", "last_epoch")


class Schedule:
    """Sets options from a table before every step, or lowers learning rates by a metric after an epoch."""

    def __init__(
        self, given: spec.ScheduleTable | spec.Plateau | None, optimizer: torch.optim.Optimizer, total: dict[str, int]
    ):
        """`total` maps "epoch" and "batch" to the number of epochs and of steps in the run. Raises SpecError."""
        self.optimizer = optimizer
        self._table: spec.ScheduleTable | None = None
        self._columns: tuple[spec.ScheduleColumn, ...] = ()
        self._plateau: ReduceLROnPlateau | None = None
        self._metric = ""
        self._device_values: list[Tensor] = []  # of each column, (rows,) or (rows, 2)
        if isinstance(given, spec.ScheduleTable):
            _check_table(given, optimizer, total[given.by])
            self._table, self._columns = given, tuple(given.full_columns())
        elif given is not None:
            self._plateau, self._metric = _build_plateau(given, optimizer), given.metric

    @property
    def options(self) -> set[str]:
        """The options that change during a run."""
        return {"lr"} if self._plateau is not None else {column.option for column in self._columns}

    @property
    def rows_per_step(self) -> int:
        """How far one step moves in the table."""
        return 1 if self._table is not None and self._table.by == "batch" else 0

    def row(self, epoch: int, step: int) -> int:
        """The row of the table for a step; both count from 0, `step` over the whole run."""
        return step if self.rows_per_step else epoch

    def move_to(self, device: torch.device) -> None:
        """Make tensors on `device` of the options that change, and of their values; then use `set_on_device`."""
        for group in self.optimizer.param_groups:
            for option in self.options & group.keys():
                group[option] = as_tensor_option(group[option], device)
        self._device_values = [
            torch.tensor(column.values, dtype=torch.float64, device=device) for column in self._columns
        ]

    def set_on_device(self, row: Tensor) -> None:
        """Set the options to a row of the table, (1,) int64, without reading a number."""
        for column, values in zip(self._columns, self._device_values, strict=True):
            option = self.optimizer.param_groups[column.group][column.option]
            targets = option if isinstance(option, tuple) else (option,)
            for target, value in zip(targets, values.index_select(0, row).flatten(), strict=True):
                target.copy_(value)

    def learning_rate(self, epoch: int, step: int) -> float:
        """The first group's in a step; both count from 0, `step` over the whole run."""
        for column in self._columns:
            if (column.group, column.option) == (0, "lr"):
                value = column.values[self.row(epoch, step)]
                assert not isinstance(value, tuple)  # checked in the constructor
                return float(value)
        return float(self.optimizer.param_groups[0]["lr"])

    def before_step(self, epoch: int, step: int) -> None:
        """`epoch` and `step` count from 0, `step` over the whole run."""
        if self._table is not None:
            for column in self._columns:
                value = column.values[self.row(epoch, step)]
                self.optimizer.param_groups[column.group][column.option] = value

    def after_epoch(self, metrics: dict[str, float]) -> None:
        if self._plateau is not None:
            self._plateau.step(metrics[self._metric])

    def state_dict(self) -> dict[str, Any]:
        """A table has no state. A plateau's is a few numbers."""
        return {key: getattr(self._plateau, key) for key in _PLATEAU_STATE} if self._plateau is not None else {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for key, value in state.items():
            setattr(self._plateau, key, value)


def _check_table(table: spec.ScheduleTable, optimizer: torch.optim.Optimizer, total: int) -> None:
    """Every column sets an existing option of an existing group for `total` steps or epochs. Raises SpecError."""
    for column in table.full_columns():
        if column.group >= len(optimizer.param_groups):
            raise SpecError(f"The schedule sets {column.option!r} of group {column.group}, which does not exist.")
        for value in {type(value): value for value in column.values}.values():
            check_option(pytorch_name(optimizer), column.option, value)
        if len(column.values) < total:
            unit = "steps" if table.by == "batch" else "epochs"
            raise SpecError(f"The schedule has {len(column.values):,} values, and the run has {total:,} {unit}.")


def _build_plateau(given: spec.Plateau, optimizer: torch.optim.Optimizer) -> ReduceLROnPlateau:
    if len(given.min_lrs) != len(optimizer.param_groups):
        raise SpecError(f"The schedule has {len(given.min_lrs)} lowest rates for {len(optimizer.param_groups)} groups.")
    return ReduceLROnPlateau(
        optimizer,
        mode=given.mode,
        factor=given.factor,
        patience=given.patience,
        threshold=given.threshold,
        threshold_mode=given.threshold_mode,
        cooldown=given.cooldown,
        min_lr=list(given.min_lrs),
        eps=given.eps,
    )
