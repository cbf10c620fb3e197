"""The record of everything that is known about a spec before training, and the entry point that makes it."""

from __future__ import annotations

from dataclasses import dataclass

from course.errors import RecipeError
from course.inspection.behaviour import behaviour_problems
from course.inspection.cost import StepCost, cost_problems, step_cost, trial_problems
from course.inspection.counting import Part, count_computed_numbers, count_parameters, packed_integer_problems
from course.inspection.hyperparameters import hyperparameter_problems
from course.inspection.initialization import initialization_problems
from course.inspection.layers import Layer, list_layers
from course.inspection.modes import mode_problems
from course.inspection.pretrained import pretrained_problems
from course.inspection.switches import switch_problems
from course.inspection.tables import table_use
from course.inspection.trial_images import digits
from course.spec import Plateau, Spec

DIGITS = 32  # in which the tables are followed


@dataclass(frozen=True)
class Inspection:
    """What is known before training. `problems` are sentences; each is a reason to refuse under any rules."""

    spec_hash: str
    parts: tuple[Part, ...]
    layers: tuple[Layer, ...]
    work: StepCost
    epochs: int
    batch_size: int
    problems: tuple[str, ...]
    leaks: tuple[str, ...]

    @property
    def counted(self) -> int:
        """The number of parameters that the rules compare with their limit."""
        return sum(part.numbers for part in self.parts)

    @property
    def receptive_field(self) -> int:
        """The largest receptive field of all layers: its side in pixels."""
        return max((layer.receptive_field for layer in self.layers), default=1)

    def describe_count(self) -> str:
        """`298 in layers + 8,114 in the tensor 'hidden', which is not a parameter`."""
        in_layers = sum(part.numbers for part in self.parts if part.kind == "parameter")
        elsewhere: dict[str, int] = {}
        for part in self.parts:
            if part.kind != "parameter" and part.numbers:
                elsewhere[part.name] = elsewhere.get(part.name, 0) + part.numbers
        return " + ".join([f"{in_layers:,} in layers", *(f"{n:,} in {name}" for name, n in elsewhere.items())])


def inspect(spec: Spec) -> Inspection:
    """Everything that needs no training; takes about a second. Raises RecipeError when the spec cannot be built."""
    network = spec.network
    cost = step_cost(spec)
    # a network that costs too much, or whose eval mode differs from the measured training, is never run
    problems = [*cost_problems(cost, spec.batch_size), *mode_problems(network)]
    problems = problems or trial_problems(spec, cost)
    parts = count_parameters(network)
    if not problems:
        use = table_use(network, digits(spec, DIGITS))
        parts += count_computed_numbers(network, parts, use)
        problems = [*behaviour_problems(spec), *switch_problems(spec), *packed_integer_problems(network, use)]
        problems += [*initialization_problems(network), *pretrained_problems(network), *hyperparameter_problems(spec)]
    return Inspection(
        spec_hash=spec.hash,
        parts=tuple(parts),
        layers=list_layers(network),
        work=cost,
        epochs=spec.epochs,
        batch_size=spec.batch_size,
        problems=tuple(problems),
        leaks=_leaks(spec),
    )


def _leaks(spec: Spec) -> tuple[str, ...]:
    """Ways in which the test set takes part in training."""
    if isinstance(spec.schedule, Plateau) and spec.schedule.metric == "test_loss":
        return (
            "The schedule is stepped on the test loss, so the test set takes part in training: a leak. Watch "
            '"train_loss" or "validation_loss".',
        )
    return ()


def raise_on_problems(inspection: Inspection) -> None:
    """Raise RecipeError with the first problem, if there is one."""
    if inspection.problems:
        raise RecipeError(inspection.problems[0])
