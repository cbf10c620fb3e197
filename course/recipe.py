"""What a student hands in.

    recipe = Recipe(
        model=Net,                                     # a class, or a function without arguments
        train_transform=Compose([RandomRotation(7), ToTensor(), Normalize((0.1307,), (0.3081,))]),
        optimizer=partial(SGD, lr=0.01, momentum=0.9),  # called with model.named_parameters()
        scheduler=partial(StepLR, step_size=5),         # called with the optimizer
    )

Everything else has a default. `course.capture` turns a recipe into plain data.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, Self

from course.errors import RecipeError

if TYPE_CHECKING:  # importing torch takes seconds
    from torch import nn
    from torch.optim import Optimizer
    from torchvision.transforms import Compose

TRAIN_IMAGES, TEST_IMAGES = 60_000, 10_000  # of MNIST
VALIDATION_IMAGES = 5_000  # held out of training when a schedule watches `validation_loss`
MNIST_MEAN, MNIST_STD = 0.1307, 0.3081  # of the 60,000 training images, in 0..1
METRICS = ("train_loss", "validation_loss", "test_loss")
MAX_EPOCHS, MAX_BATCH_SIZE = 1000, 8192  # of any recipe; an assignment's rules allow fewer epochs


def steps_per_epoch(batch_size: int = 128) -> int:
    """Optimizer steps in one epoch over the 60,000 training images; the last batch may be smaller.

    Raises RecipeError for a size that no batch has.
    """
    if not 1 <= batch_size <= TRAIN_IMAGES:
        raise RecipeError(
            f"steps_per_epoch(batch_size) takes a whole number from 1 to {TRAIN_IMAGES:,}, and got {batch_size!r}."
        )
    return math.ceil(TRAIN_IMAGES / batch_size)


def default_transform() -> Compose:
    """ToTensor, then Normalize by MNIST's mean and standard deviation."""
    from torchvision.transforms import Compose, Normalize, ToTensor

    return Compose([ToTensor(), Normalize((MNIST_MEAN,), (MNIST_STD,))])


@dataclass(frozen=True)
class watching:  # noqa: N801 - read as a phrase: scheduler=watching("train_loss", ...)
    """A scheduler that is stepped on a metric: `watching("train_loss", partial(ReduceLROnPlateau, patience=2))`.

    `metric` is "train_loss", "validation_loss" (5,000 training images are then held out), or "test_loss". With
    "test_loss" the schedule sees the test set, which is a leak; it exists to reproduce published work.
    """

    metric: Literal["train_loss", "validation_loss", "test_loss"]
    scheduler: Callable[[Any], Any]

    def __post_init__(self) -> None:
        if self.metric not in METRICS:
            raise RecipeError(f"A scheduler can watch {', '.join(METRICS)}, but not {self.metric!r}.")

    def __call__(self, optimizer: Optimizer) -> Any:
        return self.scheduler(optimizer)


@dataclass(frozen=True)
class Recipe:
    """A network, its transforms, an optimizer and a schedule. Raises RecipeError when a field cannot be used."""

    model: Callable[[], nn.Module]
    optimizer: Callable[[Any], Optimizer]  # called with the named parameters
    train_transform: Any = None  # a torchvision pipeline; None: ToTensor and Normalize
    test_transform: Any = None  # the same, without anything random
    scheduler: Callable[[Any], Any] | None = None  # (optimizer) -> a scheduler of torch.optim
    scheduler_step: Literal["epoch", "batch"] | None = None  # None: as the scheduler's class is usually stepped
    epochs: int = 15
    batch_size: int = 128
    loss: Literal["nll", "cross_entropy"] = "nll"

    def __new__(cls, *args: Any, **options: Any) -> Self:
        names = [field.name for field in fields(cls)]
        unknown = options.keys() - set(names)
        if unknown:
            raise RecipeError(
                f"Recipe has no option {min(unknown)!r}. It has {', '.join(names)}; what "
                "belongs to the optimizer is given there, as in optimizer=partial(torch.optim.SGD, lr=0.01)."
            )
        missing = [name for name in ("model", "optimizer") if name not in (*names[: len(args)], *options)]
        if missing and (args or options):  # a copy is made without arguments
            raise RecipeError(f"Recipe needs {missing[0]}=... as well, for example {_EXAMPLES[missing[0]]}.")
        return super().__new__(cls)

    def __post_init__(self) -> None:
        if hasattr(self.model, "state_dict") and not isinstance(self.model, type):
            raise RecipeError(
                "Recipe(model=...) got a network that is already built. Hand in the class itself, "
                "without parentheses: the grader builds the network again under its own seed."
            )
        for name in ("model", "optimizer", "scheduler"):
            value = getattr(self, name)
            if not callable(value) and not (name == "scheduler" and value is None):
                raise RecipeError(
                    f"Recipe({name}=...) needs something that can be called, and got {type(value).__name__}. "
                    f"For example: {_EXAMPLES[name]}.{_why_not(value)}"
                )
        if self.scheduler_step not in (None, "epoch", "batch"):
            raise RecipeError(f'Recipe(scheduler_step=...) is "epoch" or "batch", and got {self.scheduler_step!r}.')
        if self.loss not in ("nll", "cross_entropy"):
            raise RecipeError(f'Recipe(loss=...) is "nll" or "cross_entropy", and got {self.loss!r}.')
        for name, maximum in (("epochs", MAX_EPOCHS), ("batch_size", MAX_BATCH_SIZE)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= maximum:
                raise RecipeError(f"Recipe({name}=...) is a whole number from 1 to {maximum:,}, and got {value!r}.")


_EXAMPLES = {
    "model": "model=Net",
    "optimizer": "optimizer=partial(torch.optim.SGD, lr=0.01, momentum=0.9)",
    "scheduler": "scheduler=partial(torch.optim.lr_scheduler.StepLR, step_size=5)",
}


def _why_not(value: object) -> str:
    """What is wrong with a value that cannot be called, as a further sentence; "" if there is nothing to add."""
    if isinstance(value, str):
        return " The class itself is needed, and not its name."
    if hasattr(value, "step"):
        return " This one is already built: the grader builds its own, for its own network."
    return ""


def require_recipe(value: object) -> Recipe:
    """`value`, which must be a Recipe. Raises RecipeError otherwise."""
    if not isinstance(value, Recipe):
        raise RecipeError(f"`recipe` is {type(value).__name__}, and a Recipe(...) is needed.")
    return value
