"""What a student hands in.

    recipe = Recipe(
        model=Net,                                     # a class, or a function without arguments
        train_transform=Compose([RandomRotation(7), ToTensor(), Normalize((0.1307,), (0.3081,))]),
        optimizer=partial(SGD, lr=0.01, momentum=0.9),  # called with model.named_parameters()
        scheduler=partial(StepLR, step_size=5),         # called with the optimizer
    )

Everything else has a default. How the weights are trained can be changed too:

    Recipe(..., label_smoothing=0.1)                        # a tenth of each label is spread over all ten classes
    Recipe(..., clip_norm=1.0)                              # gradients are scaled down to this norm, all together
    Recipe(..., average="ema", average_decay=0.99)          # an average of the weights is what is tested

`course.capture` turns a recipe into plain data.
"""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, Self

from course.errors import RecipeError

if TYPE_CHECKING:  # importing torch takes seconds
    from torch import nn
    from torch.optim import Optimizer
    from torchvision.transforms import Compose

TRAIN_IMAGES, TEST_IMAGES = 60_000, 10_000  # of MNIST, and of Fashion-MNIST and KMNIST
VALIDATION_IMAGES = 5_000  # held out of training when a schedule watches `validation_loss`
MNIST_MEAN, MNIST_STD = 0.1307, 0.3081  # of the 60,000 training images, in 0..1
METRICS = ("train_loss", "validation_loss", "test_loss")
MAX_EPOCHS, MAX_BATCH_SIZE = 1000, 8192  # of any recipe; an assignment's rules allow fewer epochs
# Such an average reaches back about 100 steps. PyTorch's own 0.999 is for longer trainings. Accuracy of Model 2 in
# epochs 1, 3 and 15: with it 10.28, 62.99 and 99.35 %, with 0.99 98.29, 99.05 and 99.38 %, without an average 98.23,
# 98.28 and 99.31 % (seed 1, one thread of a Xeon, PyTorch 2.14.1).
AVERAGE_DECAY = 0.99

# what comes nearest to what a recipe cannot have
INSTEAD_OF_AVERAGING = 'Recipe(average="ema", average_decay=0.99) averages the weights, in the grader as well.'
INSTEAD_OF_CLIPPING = "Recipe(clip_norm=1.0) clips all gradients together, in the grader as well."
INSTEAD_OF_MIXING = (
    "Nothing mixes images and their labels here; Recipe(label_smoothing=0.1) softens the labels, and transforms such "
    "as RandomErasing or RandomAffine change the images."
)
INSTEAD_OF_L1 = (
    "A loss of your own cannot be part of a recipe. The optimizer has a penalty on large weights, "
    "optimizer=partial(torch.optim.SGD, lr=0.01, weight_decay=1e-4), and there is Recipe(label_smoothing=0.1)."
)


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
    label_smoothing: float = 0.0  # of the training loss; the test loss is without it
    clip_norm: float | None = None  # None: gradients are used as they are
    average: Literal["ema"] | None = None  # None: the weights after the last step are what is tested
    average_decay: float | None = None  # the share of the average that a step keeps; None: AVERAGE_DECAY

    def __new__(cls, *args: Any, **options: Any) -> Self:
        names = [field.name for field in fields(cls)]
        if unknown := options.keys() - set(names):
            name = min(unknown)
            raise RecipeError(f"Recipe has no option {name!r}. {_nearest(name, names)} It has {', '.join(names)}.")
        missing = [name for name in ("model", "optimizer") if name not in (*names[: len(args)], *options)]
        if missing:
            examples = ", ".join(_EXAMPLES[name] for name in missing)
            raise RecipeError(f"Recipe needs {' and '.join(missing)} as well, for example Recipe({examples}).")
        return super().__new__(cls)

    def __reduce__(self) -> tuple[type[Self], tuple[Any, ...]]:
        return type(self), tuple(getattr(self, field.name) for field in fields(self))  # a copy is made with arguments

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
            raise RecipeError(
                f'Recipe(loss=...) is "nll" or "cross_entropy", and got {self.loss!r:.80}. {_nearest_loss(self.loss)}'
            )
        self._check_training_options()
        for name, maximum in (("epochs", MAX_EPOCHS), ("batch_size", MAX_BATCH_SIZE)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= maximum:
                raise RecipeError(f"Recipe({name}=...) is a whole number from 1 to {maximum:,}, and got {value!r}.")

    def _check_training_options(self) -> None:
        if self.average not in (None, "ema"):
            raise RecipeError(
                f'Recipe(average=...) is "ema", or None for no average, and got {self.average!r:.80}. How long it '
                "reaches back is average_decay."
            )
        if self.average is None and self.average_decay is not None:
            raise RecipeError(
                f"Recipe(average_decay={self.average_decay!r:.80}) is given, and nothing is averaged. Add "
                'average="ema", or leave both out.'
            )
        for name, (is_allowed, allowed, next_step) in _NUMBERS.items():
            value = getattr(self, name)
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if not (is_number and is_allowed(value)) and (value is not None or name == "label_smoothing"):
                raise RecipeError(f"Recipe({name}=...) is {allowed}, and got {value!r:.80}. {next_step}")


_NUMBERS: dict[str, tuple[Callable[[float], bool], str, str]] = {
    "label_smoothing": (lambda share: 0 <= share < 1, "a number from 0 to below 1", "Usual is 0.1; 0 leaves it out."),
    "clip_norm": (
        lambda norm: 0 < norm <= sys.float_info.max,
        "a finite number above 0, or None",
        "Usual is 1.0; None clips nothing.",
    ),
    "average_decay": (
        lambda decay: 0 < decay < 1,
        "a number between 0 and 1, or None",
        "0.99 averages about 100 steps, 0.999 about 1,000.",
    ),
}
_EXAMPLES = {
    "model": "model=Net",
    "optimizer": "optimizer=partial(torch.optim.SGD, lr=0.01, momentum=0.9)",
    "scheduler": "scheduler=partial(torch.optim.lr_scheduler.StepLR, step_size=5)",
}


# names of options that a recipe does not have -> what to write; the first that matches
_INSTEAD_OF_OPTIONS = {
    "ema|swa|averag|decay_ema": INSTEAD_OF_AVERAGING,
    "clip|max_norm|grad": INSTEAD_OF_CLIPPING,
    "mix": INSTEAD_OF_MIXING,
    "l1": INSTEAD_OF_L1,
    "^lr|learning_rate|momentum|decay|^l2|beta|nesterov|^eps$": (
        "What belongs to the optimizer is given there, as in optimizer=partial(torch.optim.SGD, lr=0.01)."
    ),
    "smooth": "Write label_smoothing=0.1.",
    "loss|criterion": 'Write loss="nll" or loss="cross_entropy".',
    "augment|transform": "Write train_transform=Compose([...]), and test_transform if test images need another one.",
    "seed|device|thread": "fit(recipe, seed=1, device=..., threads=...) takes it; the grader chooses its own.",
}


def _nearest(name: str, names: Sequence[str]) -> str:
    """A sentence about what a student may have meant by an option `name`."""
    if close := difflib.get_close_matches(name, names, 1, 0.75):
        return f"Did you mean {close[0]}=...?"
    found = (sentence for pattern, sentence in _INSTEAD_OF_OPTIONS.items() if re.search(pattern, name.lower()))
    return next(found, "What belongs to the optimizer or to its scheduler is given there.")


def _nearest_loss(value: object) -> str:
    """A sentence about the loss that a student may have meant."""
    name = value if isinstance(value, str) else getattr(value, "__name__", type(value).__name__)
    smoothing = getattr(value, "label_smoothing", 0.0)
    more = f", label_smoothing={smoothing!r:.20}" if smoothing else ""
    plain = re.sub("[^a-z]", "", str(name).lower()).removesuffix("loss")
    if plain in ("crossentropy", "nll"):
        return f'Write Recipe(loss="{plain.replace("crossentropy", "cross_entropy")}"{more}).'
    return INSTEAD_OF_L1 if callable(value) else ""


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
