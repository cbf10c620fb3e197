"""`inspect`: all checks of a spec that need no training, and the record of what they find."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from course.inspection.advice.images import advice_on_images
from course.inspection.advice.network import advice_on_network
from course.inspection.advice.optimization import advice_on_optimization
from course.inspection.advice.written import SourceNames, advice_on_source
from course.inspection.behaviour import behaviour_problems
from course.inspection.cost import cost_problems, step_cost, trial_problems
from course.inspection.counting import count_computed_numbers, count_parameters, packed_integer_problems
from course.inspection.layers import list_layers
from course.inspection.modes.graphs import mode_problems
from course.inspection.modes.switches import switch_problems
from course.inspection.plan import training_plan
from course.inspection.prior_knowledge.hyperparameters import hyperparameter_problems
from course.inspection.prior_knowledge.initialization import initialization_problems
from course.inspection.prior_knowledge.pretrained import pretrained_problems
from course.inspection.record import Advice, Choices, Inspection, Layer, Part
from course.inspection.tables import table_use
from course.inspection.trials.images import digits
from course.inspection.trials.training import TrialTraining, transform_problems, try_training
from course.spec import Plateau, Spec
from course.transforms.construction import flatten
from course.transforms.description import is_random

DIGITS = 32  # in which the tables are followed


def inspect(spec: Spec, source: str = "") -> Inspection:
    """Everything that needs no training; takes about a second. Raises RecipeError when the spec cannot be built.

    With the recipe's `source`, which is not run, remarks name more lines, and habits that a spec does not show.
    """
    network = spec.network
    cost = step_cost(spec)
    # a network that costs too much, or whose eval mode differs from the measured training, is never run
    problems = [*cost_problems(cost, spec.batch_size), *mode_problems(network), *transform_problems(spec)]
    problems = problems or trial_problems(spec, cost)
    training = TrialTraining() if problems else try_training(spec)
    problems += training.problems
    parts = count_parameters(network)
    plan = None if problems else training_plan(spec, training.slow_transform)
    if not problems:
        use = table_use(network, digits(spec, DIGITS))
        parts += count_computed_numbers(network, parts, use)
        problems = [*behaviour_problems(spec), *switch_problems(spec), *packed_integer_problems(network, use)]
        problems += [*initialization_problems(network), *pretrained_problems(network), *hyperparameter_problems(spec)]
    layers = list_layers(network)
    return Inspection(
        spec_hash=spec.hash,
        parts=tuple(parts),
        layers=layers,
        work=cost,
        epochs=spec.epochs,
        batch_size=spec.batch_size,
        problems=tuple(problems),
        leaks=_leaks(spec),
        choices=_choices(spec),
        plan=plan,
        advice=() if plan is None else tuple(_advice(spec, parts, layers, SourceNames(source))),
        seconds=training.seconds,
        transform_seconds=training.transform_seconds,
    )


def _advice(spec: Spec, parts: Sequence[Part], layers: Sequence[Layer], source: SourceNames) -> Iterator[Advice]:
    yield from advice_on_network(spec, parts, layers)
    for transform, advice in advice_on_images(spec):
        yield replace(advice, line=source.line_of(transform))
    for advice in advice_on_optimization(spec):
        yield replace(advice, line=source.line_of("Recipe"))
    yield from advice_on_source(source, spec)


def _choices(spec: Spec) -> Choices:
    transforms = tuple(flatten(spec.train_transform))
    return Choices(
        transforms=tuple(transform.name for transform in transforms),
        random_transforms=tuple(transform.name for transform in transforms if is_random([transform])),
        optimizer=spec.optimizer.name,
        has_schedule=spec.schedule is not None,
        label_smoothing=spec.label_smoothing,
        clip_norm=spec.clip_norm,
        average_decay=spec.average_decay,
    )


def _leaks(spec: Spec) -> tuple[str, ...]:
    """Ways in which the test set takes part in training."""
    if isinstance(spec.schedule, Plateau) and spec.schedule.metric == "test_loss":
        return (
            "The schedule is stepped on the test loss, so the test set takes part in training: a leak. Watch "
            '"train_loss" or "validation_loss".',
        )
    return ()
