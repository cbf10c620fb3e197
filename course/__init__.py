"""Under 8k: a network with fewer than 8,000 parameters that holds 99.40 % on MNIST within 15 epochs.

    from course import Recipe, fit

A submission's way through the package: a `recipe` is turned by `capture` into a `spec`, plain data. `inspection` counts
and checks it without training. `training` trains it: `network` computes, `transforms` prepares the images of `data`.
`rules` judge the result. `notebook` and `plots` are what lessons call.

Names are imported on first use, so that importing `course` does not wait for PyTorch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from course.data import steps_per_epoch
    from course.notebook import fit, inspect
    from course.notebook.check import check_submission
    from course.notebook.lr_range import rate_range
    from course.recipe import Recipe, watching

_MODULES = {
    "Recipe": "course.recipe",
    "check_submission": "course.notebook.check",
    "fit": "course.notebook",
    "inspect": "course.notebook",
    "rate_range": "course.notebook.lr_range",
    "steps_per_epoch": "course.data",
    "watching": "course.recipe",
}
__all__ = ["Recipe", "check_submission", "fit", "inspect", "rate_range", "steps_per_epoch", "watching"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module 'course' has no attribute {name!r}")
