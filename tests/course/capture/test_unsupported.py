"""Layers that cannot be captured are named, with what to write instead; all others pass."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations
from torch.optim.swa_utils import AveragedModel

from course.capture.unsupported import check_modules
from course.errors import RecipeError
from tests.support.networks import IDIOMS

UNSUPPORTED = {  # what is built, and what the message names
    "data_parallel": (lambda: nn.DataParallel(nn.Linear(2, 2)), "the grader chooses the devices"),
    "compiled": (lambda: torch.compile(nn.Linear(2, 2)), "made by torch.compile"),
    "scripted": (lambda: torch.jit.script(nn.Linear(2, 2)), "made by torch.jit"),
    "averaged": (lambda: AveragedModel(nn.Linear(2, 2)), "nothing would average its weights"),
    "sync_batch_norm": (lambda: nn.SyncBatchNorm(2), "Use nn.BatchNorm2d"),
    "batch_norm_that_counts": (lambda: nn.BatchNorm2d(2, momentum=None), "PyTorch's default is momentum=0.1"),
    "spectral_norm": (lambda: nn.utils.spectral_norm(nn.Linear(2, 2)), "weight_norm"),
    "spectral_parametrization": (lambda: parametrizations.spectral_norm(nn.Linear(2, 2)), "weight_norm"),
    "orthogonal": (lambda: parametrizations.orthogonal(nn.Linear(2, 2)), "torch.nn.init.orthogonal_"),
    "response_norm": (lambda: nn.LocalResponseNorm(2), "nn.GroupNorm"),
    "lstm": (lambda: nn.LSTM(2, 2), "loop over x.unbind(1)"),
    "gru_cell": (lambda: nn.GRUCell(2, 2), "loop over x.unbind(1)"),
}


@pytest.mark.parametrize("name", UNSUPPORTED)
@pytest.mark.filterwarnings("ignore")
def test_what_cannot_be_captured_is_named_with_what_to_write_instead(name):
    build, message = UNSUPPORTED[name]
    layer = build()
    with pytest.raises(RecipeError) as refused:
        check_modules(layer)
    assert message in str(refused.value)
    with pytest.raises(RecipeError) as refused:
        check_modules(nn.Sequential(nn.ReLU(), layer))
    assert str(refused.value).startswith("The layer '1") and message in str(refused.value)


@pytest.mark.filterwarnings("ignore")
def test_usual_networks_pass():
    for build in IDIOMS.values():
        check_modules(build())
    check_modules(nn.BatchNorm2d(4, momentum=None, track_running_stats=False))
