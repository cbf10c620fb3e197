"""A spec's optimizer -> an optimizer of `torch.optim`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from course import spec
from course.errors import SpecError
from course.kernels.portable_math import sum_last
from course.training.device_optimizers import DEVICE_OPTIMIZERS, device_options

# LBFGS needs a closure, SparseAdam sparse gradients, Muon matrices: none of them fits this training loop
ALLOWED = ("SGD Adam AdamW NAdam RAdam Adamax Adagrad Adadelta RMSprop Rprop ASGD Adafactor").split()
OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    name: getattr(torch.optim, name) for name in ALLOWED if hasattr(torch.optim, name)
}
# they set how a step is computed, not what it computes; the training loop decides that
IGNORED_OPTIONS = frozenset({"params", "param_names", "initial_lr", "foreach", "fused", "capturable", "differentiable"})


def build_optimizer(
    given: spec.Optimizer, parameters: dict[str, Tensor], *, on_device: bool = False, portable: bool = False
) -> torch.optim.Optimizer:
    """The optimizer over the named parameters. Raises SpecError.

    With `on_device` its step reads no number; with `portable` it rounds in the same way on every processor, if it is
    SGD, Adam or AdamW.
    """
    if given.name not in OPTIMIZERS:
        raise SpecError(f"The optimizer {given.name!r} is not on the list: {', '.join(OPTIMIZERS)}.")
    groups = [_parameter_group(given.name, group, parameters) for group in given.groups]
    names = [name for group in given.groups for name in group.params]
    if duplicate := next((name for name in names if names.count(name) > 1), None):
        raise SpecError(f"The optimizer is given {duplicate!r} twice.")
    if not names:
        raise SpecError("The optimizer has no parameters to train.")
    optimizer_class = OPTIMIZERS[given.name]
    # passed to the constructor too: it checks them, and Adagrad reads its initial accumulator value only there
    constructor_options = inspect.signature(optimizer_class).parameters
    first = {option: value for option, value in given.groups[0].options.items() if option in constructor_options}
    if on_device:
        optimizer_class = DEVICE_OPTIMIZERS.get(given.name, optimizer_class)
        first = device_options(given.name) | first
    elif portable and is_portable(given):
        optimizer_class = DEVICE_OPTIMIZERS[given.name]
        first = device_options(given.name) | first
    try:
        return optimizer_class(groups, **first)
    except (TypeError, ValueError, RuntimeError) as error:
        raise SpecError(f"The optimizer {given.name} cannot be built: {str(error)[:200]}") from None


def is_portable(given: spec.Optimizer) -> bool:
    """Whether there is an optimizer that rounds in the same way on every processor."""
    return given.name in DEVICE_OPTIMIZERS and not any(group.options.get("amsgrad") for group in given.groups)


@torch.no_grad()
def clip_gradients(optimizer: torch.optim.Optimizer, norm: float) -> None:
    """Scale down the gradients of all the optimizer's parameters together, so that their norm is at most `norm`.

    PyTorch's `clip_grad_norm_`, but for the order in which squares are added: it is the same on every processor, and so
    is the sum.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    gradients = [parameter.grad.flatten() for parameter in parameters if parameter.grad is not None]
    if not gradients:
        return
    total = sum_last(torch.cat(gradients).double().square()).sqrt().to(gradients[0].dtype)
    nn.utils.clip_grads_with_norm_(parameters, norm, total)


def _parameter_group(name: str, group: spec.ParameterGroup, parameters: dict[str, Tensor]) -> dict[str, Any]:
    """One parameter group, as the constructors of `torch.optim` take it."""
    missing = [parameter for parameter in group.params if parameter not in parameters]
    if missing:
        raise SpecError(f"The optimizer is given {missing[0]!r}, which is not a parameter that is trained.")
    ignored = set(group.options) & IGNORED_OPTIONS
    if ignored:
        raise SpecError(f"The optimizer's option {min(ignored)!r} cannot be set by a recipe.")
    for option, value in group.options.items():
        check_option(name, option, value)
    return {"params": [parameters[parameter] for parameter in group.params], **group.options}


def pytorch_name(optimizer: torch.optim.Optimizer) -> str:
    """The class of `torch.optim` that it is, or that it computes."""
    return next(base.__name__ for base in type(optimizer).__mro__ if base.__name__ in OPTIMIZERS)


@cache
def default_options(name: str) -> dict[str, Any]:
    """The options of an optimizer of `OPTIMIZERS` as PyTorch sets them."""
    return OPTIMIZERS[name]([torch.zeros(1)]).defaults


def check_option(name: str, option: str, value: object) -> None:
    """`option` belongs to the optimizer `name`, and `value` has the type of its default. Raises SpecError.

    Integers and floats count as one type.
    """
    if option not in default_options(name):
        raise SpecError(f"The optimizer {name} has no option {option!r}.")
    default = default_options(name)[option]
    if _type_name(value) != _type_name(default):
        raise SpecError(f"The optimizer {name}'s option {option!r} cannot be {value!r}; its default is {default!r}.")


def _type_name(value: object) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "number"
    return type(value).__name__
