"""Under 8k: a network with fewer than 8,000 parameters that holds 99.40 % on MNIST within 15 epochs.

    from course import Recipe, fit

Names are loaded when they are first used, so that importing `course` does not wait for PyTorch.
"""

from importlib import import_module

_HOMES = {
    "Recipe": "course.recipe",
    "steps_per_epoch": "course.recipe",
    "watching": "course.recipe",
    "check_submission": "course.notebook.check",
    "fit": "course.notebook",
    "inspect": "course.notebook",
    "rate_range": "course.notebook.lr_range",
}
__all__ = ["Recipe", "check_submission", "fit", "inspect", "rate_range", "steps_per_epoch", "watching"]
__version__ = "0.1.0"


def __getattr__(name: str):
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'course' has no attribute {name!r}")
