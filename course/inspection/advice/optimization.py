"""Remarks on rates, schedules and weight decay."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from course.errors import plural
from course.inspection.plan import steps_per_epoch
from course.inspection.record import Advice
from course.network.operators import bind, resolve
from course.spec import Network, ParameterGroup, Plateau, ScheduleTable, Spec, TensorRef
from course.training.optimizers import default_options

HOT_ADAM = 0.01
_ADAMS = ("Adam", "AdamW", "NAdam", "RAdam")
_DECAYING_BY_RATE = ("SGD", "AdamW")  # each step shrinks a weight by rate x decay
NOTICEABLE_DECAY = 0.12  # of a scale, over the run
LITTLE = 1e-3  # of the highest rate
UNFINISHED = 0.12  # of the highest rate, at the end of a cycle
NOTICEABLE_CHANGE = 0.02  # of the highest rate
_SCHEDULES, _CYCLE = "lesson 4: Down in steps", "lesson 4: One cycle"
_NORMS = ("batch_norm", "group_norm", "layer_norm", "instance_norm")


def advice_on_optimization(recipe: Spec) -> Iterator[Advice]:
    yield from _hot_adam(recipe)
    yield from _decayed_norms(recipe)
    if isinstance(recipe.schedule, Plateau):
        yield from _plateau(recipe.schedule)
    elif recipe.schedule is not None:
        yield from _table(recipe, recipe.schedule)


def _option(recipe: Spec, group: ParameterGroup, name: str) -> float:
    value = group.options.get(name, default_options(recipe.optimizer.name).get(name))
    return float(value) if isinstance(value, int | float) else 0.0


def _hot_adam(recipe: Spec) -> Iterator[Advice]:
    rate = _option(recipe, recipe.optimizer.groups[0], "lr")
    if recipe.optimizer.name in _ADAMS and rate >= HOT_ADAM and recipe.schedule is None:
        yield Advice(
            f"{recipe.optimizer.name} at a rate of {rate:g} keeps taking large steps to the end: the accuracy wobbles. "
            "Let a schedule lower the rate, or start at 0.001.",
            lesson="lesson 4: Adam",
        )


def _decayed_norms(recipe: Spec) -> Iterator[Advice]:
    norms = _norm_parameters(recipe.network)
    for number, group in enumerate(recipe.optimizer.groups):
        decay = _option(recipe, group, "weight_decay")
        decayed = sorted(norms.intersection(group.params))
        if recipe.optimizer.name not in _DECAYING_BY_RATE or not decay or not decayed:
            continue
        shrinking = decay * _mean_rate(recipe, number) * recipe.epochs * steps_per_epoch(recipe)
        if shrinking > NOTICEABLE_DECAY:
            yield Advice(
                f"weight_decay={decay:g} also shrinks the scales of norms ({decayed[0]} and others), by about "
                f"{1 - 2.718281828**-shrinking:.0%} over the run where gradients do not hold against it. It is meant "
                "for weights: give norms and biases a group with weight_decay=0.",
            )
            return


def _norm_parameters(network: Network) -> set[str]:
    found = set()
    for node in network.train.nodes:
        if node.operator in _NORMS:
            weight = bind(resolve(node.op), node.args, node.kwargs).get("weight")
            if isinstance(weight, TensorRef):
                found.add(network.tensors[weight.tensor].name)
    return found


def _mean_rate(recipe: Spec, group: int) -> float:
    if isinstance(recipe.schedule, ScheduleTable) and (rates := _rates(recipe.schedule, group)):
        return sum(rates) / len(rates)
    return _option(recipe, recipe.optimizer.groups[group], "lr")


def _rates(table: ScheduleTable, group: int) -> list[float]:
    """The learning rates of a group along the run; [] if the table does not change them."""
    for column in table.full_columns():
        if (column.group, column.option) == (group, "lr"):
            return [value for value in column.values if not isinstance(value, tuple)]
    return []


def _plateau(plateau: Plateau) -> Iterator[Advice]:
    if plateau.mode == "max":
        yield Advice(
            f'mode="max" waits for {plateau.metric} to rise, so the rate falls while the loss improves. A loss takes '
            'mode="min", which is the default.',
            lesson="lesson 4: Down when the loss stops falling",
        )


def _table(recipe: Spec, table: ScheduleTable) -> Iterator[Advice]:
    rates = _rates(table, 0)
    if not list(table.full_columns()):
        yield Advice("The schedule changes nothing within this run: it is made for a longer one.", lesson=_SCHEDULES)
    elif rates and min(rates) < max(rates):
        by_batch = table.by == "batch"
        unit = "step" if by_batch else "epoch"
        length = plural(recipe.epochs * (steps_per_epoch(recipe) if by_batch else 1), unit)
        other = f'Recipe(scheduler_step="{"epoch" if by_batch else "batch"}") steps it the other way.'
        for sentence, lesson in _faults(rates, recipe.epochs, by_batch=by_batch):
            is_unit = lesson != _CYCLE
            yield Advice(f"{sentence} The run has {length}.{' ' + other if is_unit else ''}", lesson=lesson)


def _faults(rates: Sequence[float], epochs: int, *, by_batch: bool) -> Iterator[tuple[str, str]]:
    """At most one sentence about rates that do not fit the run, with its lesson."""
    turns, top, unit = _turns(rates), max(rates), "step" if by_batch else "epoch"
    end = _end_of_falling(rates)
    if by_batch and len(turns) > 2 * epochs + 2:
        yield f"The rate goes up and down {len(turns)} times: is its length meant in epochs?", _SCHEDULES
    elif top - min(rates) < NOTICEABLE_CHANGE * top:
        yield f"The rate changes by less than {NOTICEABLE_CHANGE:.0%}: it is made for more {unit}s.", _SCHEDULES
    elif end is not None and end < len(rates) / 2:
        yield (
            f"From {unit} {end + 1:,} on the rate is below {LITTLE:.1%} of its highest: too little.",
            _SCHEDULES,
        )
    elif by_batch and len(turns) == 1 and rates[0] < top / 2 and rates[-1] > UNFINISHED * top:
        yield f"The rate ends at {rates[-1] / top:.0%} of its highest: the cycle is longer than the run.", _CYCLE
    elif not by_batch and turns and _falls_and_rises_again(rates, turns[0]):
        yield f"The rate falls until epoch {turns[0] + 1} and rises again: it ends before the run.", _SCHEDULES


def _turns(rates: Sequence[float]) -> list[int]:
    """Where rates that were rising begin to fall, or the other way round."""
    turns, direction = [], 0
    for place, (before, after) in enumerate(itertools.pairwise(rates)):
        change = (after > before) - (after < before)
        if change and change == -direction:
            turns.append(place)
        direction = change or direction
    return turns


def _end_of_falling(rates: Sequence[float]) -> int | None:
    """The first place from which on all rates are below `LITTLE` of the highest; None if the last is not."""
    limit = LITTLE * max(rates)
    after = next((place for place in range(len(rates) - 1, -1, -1) if rates[place] >= limit), -1)
    return after + 1 if after + 1 < len(rates) else None


def _falls_and_rises_again(rates: Sequence[float], turn: int) -> bool:
    """As half a cosine that is followed by its other half; a restart rises in one jump."""
    falling, rising = list(rates[: turn + 1]), list(rates[turn : turn + 3])
    is_wave = falling == sorted(falling, reverse=True) and rising == sorted(rising)
    return turn >= 2 and len(rising) == 3 and is_wave and rising[1] - rising[0] < 0.5 * (max(rates) - min(rates))
