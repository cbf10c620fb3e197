"""The record of everything that is known about a spec before training. Reading one does not wait for PyTorch."""

from __future__ import annotations

from dataclasses import dataclass

from course.errors import RecipeError

IMAGE_SIZE = 28  # height and width of an MNIST image in pixels


@dataclass(frozen=True)
class Part:
    """A share of the count: `numbers` of them, in what `name` describes."""

    kind: str  # parameter, buffer, constant, doubles, statistics, new tensor, literals, computed
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
    choices: Choices | None = None  # None in records of earlier versions

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


def raise_on_problems(inspection: Inspection) -> None:
    """Raise RecipeError with the first problem, if there is one."""
    if inspection.problems:
        raise RecipeError(inspection.problems[0])
