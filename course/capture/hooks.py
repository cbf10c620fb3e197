"""Hooks on gradients and steps. The grader's own training runs none, so their effect would be missing in silence."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, NoReturn
from unittest.mock import patch

from torch import Tensor, nn
from torch.optim import Optimizer

from course.capture.source_lines import is_student_file
from course.errors import RecipeError
from course.recipe import INSTEAD_OF_CLIPPING

_REGISTERS: tuple[tuple[type, tuple[str, ...]], ...] = (
    (Tensor, ("register_hook", "register_post_accumulate_grad_hook")),
    (nn.Module, ("register_backward_hook", "register_full_backward_hook", "register_full_backward_pre_hook")),
    (Optimizer, ("register_step_pre_hook", "register_step_post_hook")),
)


@contextlib.contextmanager
def refused_hooks() -> Iterator[None]:
    """Inside, a hook on a gradient, a backward pass or an optimizer's step raises RecipeError with its line.

    Hooks on a forward pass are part of what is captured.
    """
    with contextlib.ExitStack() as stack:
        for owner, names in _REGISTERS:
            for name in names:
                stack.enter_context(patch.object(owner, name, _refusing(name)))
        yield


def _refusing(name: str) -> Callable[..., NoReturn]:
    def refuse(*args: Any, **kwargs: Any) -> NoReturn:
        raise RecipeError(
            f"{name}() adds a hook, and the grader trains without hooks: it would have no effect. Remove it. "
            f"{INSTEAD_OF_CLIPPING}",
            _calling_line(),
        )

    return refuse


def _calling_line() -> int | None:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and not is_student_file(frame.f_code.co_filename):
        frame = frame.f_back
    return None if frame is None else frame.f_lineno
