"""Layers, wrappers and optimizers that a recipe cannot contain, and what to write instead.

They would fail later, in the middle of PyTorch, with a message about something else.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn
from torch.nn.utils.parametrizations import _Orthogonal, _SpectralNorm
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.optim import LBFGS, Optimizer
from torch.optim.swa_utils import AveragedModel

from course.errors import RecipeError
from course.recipe import INSTEAD_OF_AVERAGING
from course.training.optimizers import OPTIMIZERS

_Norm = nn.modules.batchnorm._BatchNorm
_ITSELF = "Hand in the network itself"


def check_modules(model: nn.Module) -> None:
    """Raise RecipeError for the first module of the model that cannot be captured."""
    for name, module in model.named_modules():
        for sentence in _problems(module):
            place = f"The layer {name!r} of your network" if name else "Your network"
            raise RecipeError(f"{place} {sentence}")


def _problems(module: nn.Module) -> Iterator[str]:
    for kinds, sentence in _KINDS:
        if isinstance(module, kinds):
            yield sentence
    if isinstance(module, _Norm) and module.momentum is None and module.track_running_stats:
        yield (
            "is a batch norm with momentum=None, which counts its batches and decides by the count. Give it a number; "
            "PyTorch's default is momentum=0.1."
        )
    if any(isinstance(hook, SpectralNorm) for hook in module._forward_pre_hooks.values()):
        yield _SPECTRAL


def batch_in_parts(model: nn.Module) -> str:
    """A sentence for a layer that takes the batch apart, where that is why a model works for one size; "" for none."""
    for name, module in model.named_modules():
        cls = type(module)
        is_ghost = "ghost" in cls.__name__.lower() and any(isinstance(layer, _Norm) for layer in module.modules())
        if is_ghost or (isinstance(module, _Norm) and not cls.__module__.startswith("torch.")):
            return (
                f"The layer {name!r} of your network, {cls.__name__}, normalises parts of the batch, and "
                "batches have several sizes: the last one of an epoch is smaller, and the test's are larger. Use "
                "nn.BatchNorm2d with a smaller Recipe(batch_size=...), or nn.GroupNorm."
            )
    return ""


def check_optimizer(optimizer: object) -> None:
    """Raise RecipeError for what a recipe's function gives in place of an optimizer, where the mistake is known."""
    gives = "Recipe(optimizer=...) gives"
    if optimizer is None:
        raise RecipeError(f"{gives} None. End its function with return, and the optimizer.")
    if isinstance(optimizer, str):
        raise RecipeError(f"{gives} {optimizer[:40]!r}, a name. Give the optimizer itself, {_ITS_CALL}.")
    if isinstance(optimizer, LBFGS):
        raise RecipeError(f"{gives} LBFGS, which runs the network several times in each step. Use SGD or Adam.")
    if isinstance(optimizer, type) or (callable(optimizer) and hasattr(optimizer, "func")):
        name = getattr(getattr(optimizer, "func", optimizer), "__name__", "a function")
        raise RecipeError(f"{gives} {name} before it is called. Hand it in without a function around it: {_PARTIAL}.")
    if isinstance(optimizer, tuple | list) and any(isinstance(item, Optimizer) for item in optimizer):
        raise RecipeError(
            f"{gives} {len(optimizer)} values in a {type(optimizer).__name__}. Give one optimizer alone; it may have "
            "several groups of parameters, and a scheduler is handed in as Recipe(scheduler=...)."
        )
    inner = next((value for value in _attributes(optimizer) if isinstance(value, Optimizer)), None)
    if inner is not None:
        wrapper = type(optimizer).__name__
        instead = f" {INSTEAD_OF_AVERAGING}" if re.search("swa|ema|averag|lookahead", wrapper.lower()) else ""
        raise RecipeError(
            f"{gives} {wrapper}, which wraps {type(inner).__name__}. The grader builds optimizers of torch.optim from "
            f"their class and numbers: hand in {type(inner).__name__} itself.{instead}"
        )


@contextlib.contextmanager
def checked_arguments() -> Iterator[None]:
    """Here an optimizer of another kind of option than its default raises RecipeError, with what is needed.

    The constructors of PyTorch check ranges, and say of kinds that "'<' is not supported" or "tuple index out of
    range"; of three betas they take two.
    """
    with contextlib.ExitStack() as stack:
        for optimizer in OPTIMIZERS.values():
            stack.callback(setattr, optimizer, "__init__", optimizer.__init__)
            optimizer.__init__ = _checked(optimizer.__init__)  # type: ignore[method-assign]
        yield


def _checked(constructor: Callable[..., None]) -> Callable[..., None]:
    signature = inspect.signature(constructor)

    @functools.wraps(constructor)
    def construct(self: Optimizer, *args: Any, **kwargs: Any) -> None:
        with contextlib.suppress(TypeError):  # the constructor says it better
            for name, value in signature.bind(self, *args, **kwargs).arguments.items():
                default = signature.parameters[name].default
                needed = _needed(value, default)
                if needed:
                    raise RecipeError(
                        f"The option {name!r} of {type(self).__name__} is {value!r:.40}, and {needed} is needed. "
                        f"The default is {name}={default}."
                    )
        constructor(self, *args, **kwargs)

    return construct


def _needed(value: object, default: object) -> str:
    """What an option must be; "" if it is that, or if its default does not say."""
    if isinstance(default, tuple):
        return "" if not isinstance(value, str) and _length(value) == len(default) else "a pair of numbers"
    is_number = isinstance(default, int | float) and not isinstance(default, bool)
    return "a number" if is_number and (value is None or isinstance(value, str | tuple | list | complex)) else ""


def _length(value: object) -> int | None:
    return len(value) if hasattr(value, "__len__") else None


def _attributes(value: object) -> list[object]:
    return list(getattr(value, "__dict__", {}).values())


_PARTIAL = "optimizer=partial(SGD, lr=0.1)"
_ITS_CALL = "as in lambda named: SGD(named, lr=0.1)"
_SPECTRAL = (
    "has spectral norm, which keeps a vector of its own from step to step. Use torch.nn.utils.parametrizations."
    "weight_norm, or divide the weight by its norm in forward."
)
_RECURRENT = (
    "is recurrent in one operator, which is not on the list of allowed operators. Write it as a loop over "
    "x.unbind(1) with nn.Linear layers, as in h = torch.tanh(self.inp(step) + self.rec(h))."
)
_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (
        (nn.DataParallel, nn.parallel.DistributedDataParallel),
        f"is wrapped in DataParallel. {_ITSELF}: the grader chooses the devices.",
    ),
    (torch._dynamo.OptimizedModule, f"was made by torch.compile. {_ITSELF}: the grader compiles it in its own way."),
    (torch.jit.ScriptModule, f"was made by torch.jit. {_ITSELF}, without torch.jit.script or torch.jit.trace."),
    (
        AveragedModel,
        f"is an AveragedModel, and nothing would average its weights. {_ITSELF}; {INSTEAD_OF_AVERAGING}",
    ),
    (nn.SyncBatchNorm, "is a SyncBatchNorm, which needs several devices. Use nn.BatchNorm2d."),
    (_SpectralNorm, _SPECTRAL),
    (
        _Orthogonal,
        "is kept orthogonal by a parametrization, which cannot be captured. Start it with torch.nn.init.orthogonal_.",
    ),
    (
        (nn.LocalResponseNorm, nn.CrossMapLRN2d),
        "is a LocalResponseNorm, whose operator is not on the list of allowed operators. Use nn.BatchNorm2d or "
        "nn.GroupNorm.",
    ),
    ((nn.RNNBase, nn.RNNCellBase), _RECURRENT),
)
