"""A spec's training in words: transforms, optimizer, schedule and loss, as they were understood."""

from __future__ import annotations

from course import transforms
from course.data import train_size
from course.errors import plural
from course.inspection.record import TrainingPlan
from course.recipe import VALIDATION_IMAGES
from course.spec import Optimizer, ParameterGroup, Plateau, ScheduleColumn, ScheduleTable, Spec
from course.training.optimizers import default_options
from course.training.portability import processor_dependent

MAX_RATES = 45  # of a schedule, evenly spaced: three for each of 15 epochs


def training_plan(spec: Spec, slow_transform: str) -> TrainingPlan:
    """The plan of a spec whose transforms have no problem; `slow_transform` takes one image after the other."""
    return TrainingPlan(
        train_transform=transforms.describe(spec.train_transform),
        test_transform=transforms.describe(spec.test_transform),
        slow_transform=slow_transform,
        optimizer=_describe_optimizer(spec.optimizer),
        schedule=_describe_schedule(spec),
        rates=_rates(spec),
        loss=spec.loss,
        steps_per_epoch=steps_per_epoch(spec),
        processor_dependent=processor_dependent(spec),
    )


def trained_images(spec: Spec) -> int:
    """The images of an epoch: fewer where a schedule watches the loss on images that are held out."""
    images = train_size()
    watches = isinstance(spec.schedule, Plateau) and spec.schedule.metric == "validation_loss"
    return images - min(VALIDATION_IMAGES, images // 4) * watches


def steps_per_epoch(spec: Spec) -> int:
    return -(-trained_images(spec) // spec.batch_size)


def _describe_optimizer(optimizer: Optimizer) -> str:
    """`SGD(lr=0.01, momentum=0.9)`; of several groups each one's options."""
    groups = [_describe_options(optimizer.name, group) for group in optimizer.groups]
    if len(groups) == 1:
        return f"{optimizer.name}({groups[0]})"
    parts = [
        f"{options} for {plural(len(group.params), 'tensor')}"
        for options, group in zip(groups, optimizer.groups, strict=True)
    ]
    return f"{optimizer.name} with {len(groups)} groups of parameters: {'; '.join(parts)}"


def _describe_options(name: str, group: ParameterGroup) -> str:
    """The learning rate, and all that is not as usual."""
    usual = default_options(name)
    options = {option: value for option, value in group.options.items() if value != usual.get(option)}
    shown = {"lr": group.options.get("lr", usual.get("lr"))} | options
    return ", ".join(f"{option}={_number(value)}" for option, value in shown.items())


def _number(value: object) -> str:
    if isinstance(value, tuple | list):
        return f"({', '.join(map(_number, value))})"
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _describe_schedule(spec: Spec) -> str:
    if spec.schedule is None:
        return "none: the learning rate stays as it is"
    if isinstance(spec.schedule, Plateau):
        direction = "fallen" if spec.schedule.mode == "min" else "risen"
        return (
            f"ReduceLROnPlateau: the learning rate times {spec.schedule.factor:g} when {spec.schedule.metric} has not "
            f"{direction} for {plural(spec.schedule.patience + 1, 'epoch')}"
        )
    columns = [_describe_column(column) for column in spec.schedule.full_columns()]
    if not columns:
        return "one that changes nothing in this run"
    unit = "step" if spec.schedule.by == "batch" else "epoch"
    return f"set at each {unit}: {'; '.join(columns)}"


def _describe_column(column: ScheduleColumn) -> str:
    """`lr from 0.004 to 4e-07, highest 0.1 after 30% of the run`"""
    values = [value[0] if isinstance(value, tuple) else value for value in column.values]
    group = f" of group {column.group}" if column.group else ""
    text = f"{column.option}{group} from {values[0]:.4g} to {values[-1]:.4g}"
    low, high = min(values), max(values)
    for name, extreme in (("highest", high), ("lowest", low)):
        if min(abs(extreme - values[0]), abs(extreme - values[-1])) > 0.01 * (high - low):
            text += f", {name} {extreme:.4g} after {values.index(extreme) / len(values):.0%} of the run"
    return text


def _rates(spec: Spec) -> tuple[float, ...]:
    """The first group's learning rate, at evenly spaced places of the run; () if no table changes it."""
    if not isinstance(spec.schedule, ScheduleTable):
        return ()
    for column in spec.schedule.full_columns():
        if (column.group, column.option) == (0, "lr"):
            count = min(len(column.values), MAX_RATES)
            values = [column.values[place * (len(column.values) - 1) // max(1, count - 1)] for place in range(count)]
            return tuple(value for value in values if not isinstance(value, tuple))
    return ()
