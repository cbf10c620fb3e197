"""An optimizer and its scheduler -> plain data: class and options, and a table of what the scheduler sets."""

from __future__ import annotations

import sys
import warnings
from typing import Any, Literal

import numpy as np
import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CyclicLR, OneCycleLR, ReduceLROnPlateau

from course import spec
from course.capture.unsupported import check_optimizer
from course.data import steps_per_epoch
from course.errors import RecipeError, error_text
from course.recipe import INSTEAD_OF_CLIPPING, Recipe, watching
from course.training.optimizers import IGNORED_OPTIONS, OPTIMIZERS

_FLOAT32_EPS = torch.finfo(torch.float32).eps  # Adafactor's default, which it writes as None
STEPPED_BY_BATCH = (OneCycleLR, CyclicLR)
_PLATEAU_OPTIONS = ("mode", "factor", "patience", "threshold", "threshold_mode", "cooldown", "eps")


def capture_optimizer(optimizer: Optimizer, names: dict[int, str]) -> spec.Optimizer:
    """Class and options of an optimizer; `names` maps id(parameter) to its name. Raises RecipeError."""
    cls, name = type(optimizer), type(optimizer).__name__
    if OPTIMIZERS.get(name) is not cls:
        check_optimizer(optimizer)
        raise RecipeError(
            f"Recipe(optimizer=...) gives {type(optimizer).__module__}.{name}, and an optimizer of torch.optim is "
            f"needed, not a subclass of one: {', '.join(OPTIMIZERS)}."
        )
    if "step" in vars(optimizer):
        raise RecipeError(
            f"Recipe(optimizer=...) gives {name} with a step() of your own, which the grader would not run. Hand it in "
            f"as it is. {INSTEAD_OF_CLIPPING}"
        )
    groups = []
    for number, group in enumerate(optimizer.param_groups):
        foreign = [parameter for parameter in group["params"] if id(parameter) not in names]
        if foreign:
            raise RecipeError(
                f"Group {number} of the optimizer holds a tensor of shape {tuple(foreign[0].shape)} that is not a "
                "parameter of the model: the grader builds the network anew. Pass on what the function is given, as in "
                "lambda named: SGD([parameter for name, parameter in named], lr=0.1)."
            )
        options = {option: _option(option, value) for option, value in group.items() if option not in IGNORED_OPTIONS}
        params = tuple(names[id(parameter)] for parameter in group["params"])
        groups.append(spec.ParameterGroup(params=params, options=options))
    return spec.Optimizer(name=name, groups=tuple(groups))


def _option(name: str, value: object) -> spec.OptimizerOption:
    """An option as the spec has it. Raises RecipeError."""
    if isinstance(value, tuple | list):
        if len(value) != 2:
            raise RecipeError(f"The optimizer's option {name!r} has {len(value)} numbers; two are needed.")
        first, second = (_FLOAT32_EPS if item is None else float(_number(name, item)) for item in value)
        return first, second
    return None if value is None else _number(name, value)


def _number(name: str, value: object) -> bool | int | float:
    if isinstance(value, np.number) or (isinstance(value, torch.Tensor) and value.numel() == 1):
        value = value.item()
    if not isinstance(value, bool | int | float):
        raise RecipeError(f"The optimizer's option {name!r} is {type(value).__name__}; a number is needed.")
    if not abs(value) <= sys.float_info.max:
        shown = value if isinstance(value, float) else "too large"
        raise RecipeError(f"The optimizer's option {name!r} is {shown}; a finite number is needed.")
    return value


def capture_schedule(
    recipe: Recipe, optimizer: Optimizer, captured: spec.Optimizer
) -> spec.ScheduleTable | spec.Plateau | None:
    """What the recipe's scheduler does to `optimizer` over the whole run. Raises RecipeError.

    `captured` is what `capture_optimizer` gave for the optimizer.
    """
    if recipe.scheduler is None:
        return None
    with warnings.catch_warnings():
        # PyTorch warns about the order of calls, which is unusual here because nothing is trained
        warnings.simplefilter("ignore")
        scheduler = recipe.scheduler(optimizer)
        if getattr(scheduler, "optimizer", optimizer) is not optimizer:
            raise RecipeError(
                "Recipe(scheduler=...) gives a scheduler of another optimizer than the one that trains. Make it for "
                "the optimizer that the function is given, as in lambda optimizer: StepLR(optimizer, step_size=5)."
            )
        if isinstance(scheduler, ReduceLROnPlateau):
            return _plateau(recipe, scheduler)
        if not hasattr(scheduler, "step"):
            raise RecipeError(
                f"Recipe(scheduler=...) gives {type(scheduler).__name__}, which has no step(). Use a scheduler of "
                f"torch.optim.lr_scheduler{', and end the function with return' if scheduler is None else ''}."
            )
        if isinstance(recipe.scheduler, watching):
            raise RecipeError(f"watching(...) is for ReduceLROnPlateau; {type(scheduler).__name__} needs no metric.")
        return _table(recipe, optimizer, scheduler, captured)


def _plateau(recipe: Recipe, scheduler: ReduceLROnPlateau) -> spec.Plateau:
    if type(scheduler) is not ReduceLROnPlateau:
        raise RecipeError("A subclass of ReduceLROnPlateau cannot be captured. Use ReduceLROnPlateau itself.")
    if recipe.scheduler_step == "batch":
        raise RecipeError('ReduceLROnPlateau is stepped once an epoch; leave out scheduler_step="batch".')
    return spec.Plateau(
        metric=recipe.scheduler.metric if isinstance(recipe.scheduler, watching) else "train_loss",
        min_lrs=tuple(float(rate) for rate in scheduler.min_lrs),
        **{option: getattr(scheduler, option) for option in _PLATEAU_OPTIONS},
    )


def _table(recipe: Recipe, optimizer: Optimizer, scheduler: Any, captured: spec.Optimizer) -> spec.ScheduleTable:
    """The options after each step of the scheduler, which is stepped through the whole run without training."""
    by = recipe.scheduler_step or ("batch" if isinstance(scheduler, STEPPED_BY_BATCH) else "epoch")
    count = recipe.epochs * (steps_per_epoch(recipe.batch_size) if by == "batch" else 1)
    if count > spec.MAX_STEPS:
        raise RecipeError(f"The schedule takes {count:,} steps, and {spec.MAX_STEPS:,} are allowed.")
    optimizer.step()  # some schedulers require it before their first step; without gradients it changes nothing
    rows: list[list[dict[str, spec.OptimizerOption]]] = []  # step -> group -> option
    for step in range(count):
        rows.append(
            [
                {option: _option(option, group[option]) for option in captured_group.options}
                for group, captured_group in zip(optimizer.param_groups, captured.groups, strict=True)
            ]
        )
        if step + 1 < count:
            _advance(scheduler, step + 1, count, recipe, by)
    columns = []
    for number, captured_group in enumerate(captured.groups):
        for option, start in sorted(captured_group.options.items()):
            values = tuple(row[number][option] for row in rows)
            if any(value != start for value in values):
                # raises for values that change and are neither a number nor a pair of numbers
                columns.append(
                    spec.ScheduleColumn.model_validate({"group": number, "option": option, "values": values})
                )
    return spec.ScheduleTable(by=by, columns=tuple(columns))


def _advance(scheduler: Any, step: int, count: int, recipe: Recipe, by: Literal["epoch", "batch"]) -> None:
    try:
        scheduler.step()
    except Exception as error:  # whatever a scheduler or a student's lambda raises
        per_epoch = steps_per_epoch(recipe.batch_size)
        length = f"{count:,} epochs"
        if by == "batch":
            length = f"{count:,} steps: {recipe.epochs} epochs of steps_per_epoch({recipe.batch_size}) = {per_epoch:,}"
        made_for = getattr(scheduler, "total_steps", None)  # of OneCycleLR
        raise RecipeError(
            f"The scheduler {type(scheduler).__name__} stops at step {step:,} of {count:,}, stepped by {by}: "
            f"{error_text(error)[:200].rstrip('.')}. The run has {length}. {_right_length(made_for, count, recipe)}"
        ) from error


def _right_length(made_for: object, count: int, recipe: Recipe) -> str:
    """The next step for a scheduler that is made for `made_for` steps, if it is known."""
    if not isinstance(made_for, int):
        return 'Recipe(scheduler_step="epoch") or "batch" says how it is stepped.'
    if made_for == recipe.epochs:
        return f'Write total_steps={count}, or Recipe(scheduler_step="epoch").'
    return f"Write total_steps={count} in place of {made_for}."
