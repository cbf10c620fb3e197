"""The record of everything that is known about a spec before training. Reading one does not wait for PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from course.errors import RecipeError, plural

IMAGE_SIZE = 28  # height and width of an MNIST image in pixels
BARS = "▁▂▃▄▅▆▇█"
NOT_USED = "not used"  # in place of the operator, for a layer that forward does not use


@dataclass(frozen=True)
class Part:
    """A share of the count: `numbers` of them, in what `name` describes."""

    kind: str  # parameter, unused, buffer, constant, doubles, statistics, new tensor, literals, computed
    name: str
    numbers: int


@dataclass(frozen=True)
class Layer:
    """One operator in eval mode. `shape` is its output's without the batch; `receptive_field` is a side in pixels."""

    name: str
    operator: str
    shape: tuple[int, ...]
    parameters: int
    receptive_field: int


@dataclass(frozen=True)
class StepCost:
    """One step, forward and backward: `flops`; `elements` read and written by all operators; `memory` in bytes."""

    flops: int
    elements: int
    memory: int

    def scaled(self, factor: float) -> StepCost:
        return StepCost(int(factor * self.flops), int(factor * self.elements), int(factor * self.memory))

    def share(self) -> float:
        """Of the work that is allowed: 1 for a step that reaches one of its limits."""
        return max(self.flops / MAX_STEP_COST.flops, self.elements / MAX_STEP_COST.elements)


# usual networks at batch size 128 take 0.1-1.1 GFLOP and up to 60 M elements
MAX_STEP_COST = StepCost(flops=5_000_000_000, elements=300_000_000, memory=2 * 1024**3)


@dataclass(frozen=True)
class Choices:
    """What else a recipe chose. `transforms` are those of the training images, those in containers included."""

    transforms: tuple[str, ...]
    random_transforms: tuple[str, ...]  # those of them that draw random numbers
    optimizer: str
    has_schedule: bool
    label_smoothing: float = 0.0  # these three as in the spec
    clip_norm: float | None = None
    average_decay: float | None = None

    def describe_options(self) -> list[str]:
        """What the recipe changes in how its weights are trained and tested: a phrase for each option that it uses."""
        phrases = []
        if self.label_smoothing:
            phrases.append(f"labels smoothed by {self.label_smoothing:g}")
        if self.clip_norm is not None:
            phrases.append(f"gradients clipped to a norm of {self.clip_norm:g}")
        if self.average_decay is not None:
            phrases.append(f"tested with an average of the weights, of which a step keeps {self.average_decay:g}")
        return phrases


@dataclass(frozen=True)
class Advice:
    """A remark that refuses nothing. `line` is one of the student's source, `lesson` names what teaches it, if any."""

    text: str
    line: int | None = None
    lesson: str = ""

    def __str__(self) -> str:
        where = f"Line {self.line}: " if self.line else ""
        return f"{where}{self.text}{f' ({self.lesson})' if self.lesson else ''}"


@dataclass(frozen=True)
class TrainingPlan:
    """The training as it was understood, in words; `rates` are the first group's learning rates along the run."""

    train_transform: str
    test_transform: str
    slow_transform: str  # the training transform that takes one image after the other; empty if none does
    optimizer: str
    schedule: str
    rates: tuple[float, ...]
    loss: str
    steps_per_epoch: int
    processor_dependent: tuple[str, ...] = ()  # what gives other bits on another kind of processor


@dataclass(frozen=True)
class Inspection:
    """What is known before training. `problems` are sentences; each is a reason to refuse under any rules.

    `seconds` are what the run will take on one core of the CPU that inspected it, about, and those of its transforms.
    """

    spec_hash: str
    parts: tuple[Part, ...]
    layers: tuple[Layer, ...]
    work: StepCost
    epochs: int
    batch_size: int
    problems: tuple[str, ...]
    leaks: tuple[str, ...]
    choices: Choices | None = None  # None in records of earlier versions, as is the plan
    plan: TrainingPlan | None = None
    advice: tuple[Advice, ...] = ()
    seconds: float = field(default=0.0, compare=False)
    transform_seconds: float = field(default=0.0, compare=False)

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

    def summary(self) -> list[str]:
        """The recipe as it was understood: lines for people."""
        return [
            f"{self.counted:,} parameters counted: {self.describe_count()}",
            f"receptive field: {self.receptive_field} px; one step: {self.work.flops / 1e9:.2f} GFLOP, "
            f"{self.work.elements / 1e6:.0f} million elements",
            *([] if self.plan is None else self._summary_of_training(self.plan)),
        ]

    def _summary_of_training(self, plan: TrainingPlan) -> list[str]:
        curve = _curve(plan.rates)
        options = [] if self.choices is None else self.choices.describe_options()
        lines = [
            f"training images: {plan.train_transform}",
            f"test images: {plan.test_transform}",
            f"steps: {plan.steps_per_epoch:,} an epoch, of {self.batch_size:,} images; {plural(self.epochs, 'epoch')}",
            f"optimizer: {plan.optimizer}",
            f"schedule: {plan.schedule}",
            *([f"  {curve}"] if curve else []),
            f"loss: {'; '.join([plan.loss, *options])}",
        ]
        if self.seconds:
            lines.append(f"time: {_duration(self.seconds)} on one core of this processor")
        if plan.slow_transform:
            spent = _duration(self.transform_seconds)
            lines.append(f"  {spent} of it for transforms: {plan.slow_transform} takes one image after the other")
        if plan.processor_dependent:
            lines.append(
                "accuracies: the same for a seed on processors of one kind; on another kind they may differ, because "
                f"PyTorch computes {', '.join(plan.processor_dependent)}"
            )
        else:
            lines.append("accuracies: the same for a seed on any number of cores, with AVX2 and with AVX-512")
        return lines


def _curve(values: Sequence[float]) -> str:
    """A line of bars, from 0 to the highest value."""
    highest = max(values, default=0.0)
    return "".join(BARS[max(0, min(7, round(7 * value / highest)))] for value in values) if highest > 0 else ""


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"about {plural(minutes, 'minute')}" if minutes else "less than a minute"


def raise_on_problems(inspection: Inspection) -> None:
    """Raise RecipeError with the first problem, if there is one."""
    if inspection.problems:
        raise RecipeError(inspection.problems[0])
