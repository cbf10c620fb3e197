"""Layers and wrappers of PyTorch that a recipe cannot contain, and what to write instead.

They would fail later, in the middle of PyTorch, with a message about something else.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.utils.parametrizations import _Orthogonal, _SpectralNorm
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.optim.swa_utils import AveragedModel

from course.errors import RecipeError

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
        f"is an AveragedModel, and nothing would average its weights. {_ITSELF}; a schedule that ends at a low rate "
        "averages much as well.",
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
