"""Spec -> an optimizer of `torch.optim` and the schedule that drives it."""

from __future__ import annotations

import inspect
from functools import cache

import torch
from torch import Tensor
from torch.optim.lr_scheduler import ReduceLROnPlateau

from course import spec
from course.errors import SpecError

# LBFGS needs a closure, SparseAdam sparse gradients, Muon matrices: none fits a loop over dense batches and filters
ALLOWED = ("SGD Adam AdamW NAdam RAdam Adamax Adagrad Adadelta RMSprop Rprop ASGD Adafactor").split()
OPTIMIZERS = {name: getattr(torch.optim, name) for name in ALLOWED if hasattr(torch.optim, name)}
# how a step is computed, not what: the grader's business
IGNORED_OPTIONS = frozenset({"params", "param_names", "initial_lr", "foreach", "fused", "capturable", "differentiable"})


def build_optimizer(given: spec.Optimizer, parameters: dict[str, Tensor]) -> torch.optim.Optimizer:
    """The optimizer over the named parameters. Raises SpecError."""
    if given.name not in OPTIMIZERS:
        raise SpecError(f"The optimizer {given.name!r} is not on the list: {', '.join(OPTIMIZERS)}.")
    groups = []
    for group in given.groups:
        missing = [n for n in group.params if n not in parameters]
        if missing:
            raise SpecError(f"The optimizer is given {missing[0]!r}, which is not a parameter that is trained.")
        # keep the spec's option names off the constructor's other keywords
        unknown = set(group.options) & IGNORED_OPTIONS
        if unknown:
            raise SpecError(f"The optimizer's option {min(unknown)!r} cannot be set by a recipe.")
        for option, value in group.options.items():
            _check_option(given.name, option, value)
        groups.append({"params": [parameters[n] for n in group.params], **group.options})
    names = [n for group in given.groups for n in group.params]
    if twice := next((n for n in names if names.count(n) > 1), None):
        raise SpecError(f"The optimizer is given {twice!r} twice.")
    if not names:
        raise SpecError("The optimizer has no parameters to train.")
    kind = OPTIMIZERS[given.name]
    # the constructor checks its arguments, and Adagrad's sums start from one that no group can set
    takes = inspect.signature(kind).parameters
    first = {option: value for option, value in given.groups[0].options.items() if option in takes}
    try:
        optimizer = kind(groups, **first)
    except (TypeError, ValueError, RuntimeError) as error:
        raise SpecError(f"The optimizer {given.name} cannot be built: {str(error)[:200]}") from None
    return optimizer


@cache
def _defaults(name: str) -> dict:
    return OPTIMIZERS[name]([torch.zeros(1)]).defaults


def _check_option(name: str, option: str, value) -> None:
    """An option of the class, and of the same kind as its default: a number, a flag, a tuple or nothing."""
    if option not in _defaults(name):
        raise SpecError(f"The optimizer {name} has no option {option!r}.")
    if _kind(value) != _kind(_defaults(name)[option]):
        raise SpecError(f"The optimizer {name}'s option {option!r} cannot be {value!r}.")


def _kind(value) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "number"
    return type(value).__name__


class Schedule:
    """Sets the optimizer's options: from the table before every step, or after an epoch from the metric."""

    def __init__(
        self, given: spec.ScheduleTable | spec.Plateau | None, optimizer: torch.optim.Optimizer, total: dict[str, int]
    ):
        """`total` maps "epoch" and "batch" to the number of epochs and of steps in the run. Raises SpecError."""
        self.optimizer = optimizer
        self.metric = given.metric if isinstance(given, spec.Plateau) else None
        self._table = given if isinstance(given, spec.ScheduleTable) else None
        self._plateau = _build_plateau(given, optimizer) if isinstance(given, spec.Plateau) else None
        for column in self._table.columns if self._table else ():
            if column.group >= len(optimizer.param_groups):
                raise SpecError(f"The schedule sets {column.option!r} of group {column.group}, which does not exist.")
            for value in column.values:
                _check_option(type(optimizer).__name__, column.option, value)
            if len(column.values) < total[self._table.by]:
                raise SpecError(
                    f"The schedule has {len(column.values):,} values, and the run has {total[self._table.by]:,} "
                    f"{'steps' if self._table.by == 'batch' else 'epochs'}."
                )

    def before_step(self, epoch: int, step: int) -> None:
        """`epoch` and `step` count from 0, `step` over the whole run."""
        if self._table is not None:
            index = epoch if self._table.by == "epoch" else step
            for column in self._table.columns:
                self.optimizer.param_groups[column.group][column.option] = column.values[index]

    def after_epoch(self, metrics: dict[str, float]) -> None:
        if self._plateau is not None:
            self._plateau.step(metrics[self.metric])

    def state(self) -> dict:
        if self._plateau is None:
            return {}
        kept = ("best", "num_bad_epochs", "cooldown_counter", "last_epoch")
        return {k: getattr(self._plateau, k) for k in kept}

    def load(self, state: dict) -> None:
        for key, value in state.items():
            setattr(self._plateau, key, value)


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
