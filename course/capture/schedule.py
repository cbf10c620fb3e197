"""An optimizer and its scheduler -> plain data: class and options, and a table of what the scheduler sets."""

from __future__ import annotations

import math
import warnings

import torch
from torch.optim.lr_scheduler import CyclicLR, OneCycleLR, ReduceLROnPlateau

from course import spec
from course.errors import RecipeError
from course.recipe import Recipe, steps_per_epoch, watching
from course.training.optimizers import IGNORED_OPTIONS, OPTIMIZERS

_EPS = torch.finfo(torch.float32).eps  # what Adafactor's None stands for
BY_BATCH = (OneCycleLR, CyclicLR)


def capture_optimizer(optimizer, names: dict[int, str]) -> spec.Optimizer:
    """`names` maps id(parameter) to its name. Raises RecipeError."""
    kind = type(optimizer)
    if OPTIMIZERS.get(kind.__name__) is not kind:
        raise RecipeError(
            f"Recipe(optimizer=...) gives {kind.__module__}.{kind.__name__}, and an optimizer of torch.optim is "
            f"needed, as it is and not a subclass: {', '.join(OPTIMIZERS)}."
        )
    groups = []
    for number, group in enumerate(optimizer.param_groups):
        foreign = [p for p in group["params"] if id(p) not in names]
        if foreign:
            raise RecipeError(
                f"Group {number} of the optimizer holds a tensor of shape {tuple(foreign[0].shape)} that is not a "
                "parameter of the model. Pass on the named parameters that the function is given."
            )
        options = {k: _rate(k, v) for k, v in group.items() if k not in IGNORED_OPTIONS}
        groups.append(spec.ParameterGroup(params=tuple(names[id(p)] for p in group["params"]), options=options))
    return spec.Optimizer(name=kind.__name__, groups=tuple(groups))


def _rate(option: str, value):
    if isinstance(value, torch.Tensor) and value.numel() == 1:
        value = value.item()
    if isinstance(value, tuple | list):
        return tuple(_EPS if v is None else float(_rate(option, v)) for v in value)
    if isinstance(value, float) and not math.isfinite(value):
        raise RecipeError(f"The optimizer's option {option!r} is {value}; a finite number is needed.")
    if value is None or isinstance(value, bool | int | float):
        return value
    raise RecipeError(f"The optimizer's option {option!r} is {type(value).__name__}; a number is needed.")


def capture_schedule(recipe: Recipe, optimizer, captured: spec.Optimizer) -> spec.ScheduleTable | spec.Plateau | None:
    """What the recipe's scheduler does over the whole run to `optimizer`, captured before. Raises RecipeError."""
    if recipe.scheduler is None:
        return None
    with warnings.catch_warnings():
        # the table is drawn up without training, so the usual order of calls is not there
        warnings.simplefilter("ignore")
        scheduler = recipe.scheduler(optimizer)
        if isinstance(scheduler, ReduceLROnPlateau):
            return _plateau(recipe, scheduler)
        if not hasattr(scheduler, "step"):
            raise RecipeError(
                f"Recipe(scheduler=...) gives {type(scheduler).__name__}, which has no step(). Use a scheduler of "
                "torch.optim.lr_scheduler."
            )
        if isinstance(recipe.scheduler, watching):
            raise RecipeError(f"watching(...) is for ReduceLROnPlateau; {type(scheduler).__name__} needs no metric.")
        return _table(recipe, optimizer, scheduler, captured)


def _plateau(recipe: Recipe, scheduler: ReduceLROnPlateau) -> spec.Plateau:
    if type(scheduler) is not ReduceLROnPlateau:
        raise RecipeError("A subclass of ReduceLROnPlateau cannot be captured. Use ReduceLROnPlateau itself.")
    if recipe.scheduler_step == "batch":
        raise RecipeError('ReduceLROnPlateau is stepped once an epoch; leave out scheduler_step="batch".')
    same = ("mode", "factor", "patience", "threshold", "threshold_mode", "cooldown", "eps")
    return spec.Plateau(
        metric=recipe.scheduler.metric if isinstance(recipe.scheduler, watching) else "train_loss",
        min_lrs=tuple(float(r) for r in scheduler.min_lrs),
        **{name: getattr(scheduler, name) for name in same},
    )


def _table(recipe: Recipe, optimizer, scheduler, captured: spec.Optimizer) -> spec.ScheduleTable:
    by = recipe.scheduler_step or ("batch" if isinstance(scheduler, BY_BATCH) else "epoch")
    count = recipe.epochs * (steps_per_epoch(recipe.batch_size) if by == "batch" else 1)
    if count > spec.MAX_STEPS:
        raise RecipeError(f"The schedule takes {count:,} steps, and {spec.MAX_STEPS:,} are allowed.")
    groups, rows = optimizer.param_groups, []
    optimizer.step()  # some schedulers ask for it to come first; without gradients nothing moves
    for step in range(count):
        rows.append([{k: _rate(k, g[k]) for k in c.options} for g, c in zip(groups, captured.groups, strict=True)])
        if step + 1 < count:
            _advance(scheduler, step + 1, count, by)
    columns = []
    for number, group in enumerate(captured.groups):
        for option, start in sorted(group.options.items()):
            values = tuple(row[number][option] for row in rows)
            if any(v != start for v in values):
                columns.append(spec.ScheduleColumn(group=number, option=option, values=values))
    return spec.ScheduleTable(by=by, columns=tuple(columns))


def _advance(scheduler, step: int, count: int, by: str) -> None:
    try:
        scheduler.step()
    except Exception as error:
        raise RecipeError(
            f"The scheduler {type(scheduler).__name__} stops at step {step:,} of {count:,} (stepped by {by}): "
            f"{str(error)[:200]} The run's length is steps_per_epoch(batch_size) x epochs; scheduler_step says how it "
            "is stepped."
        ) from error
