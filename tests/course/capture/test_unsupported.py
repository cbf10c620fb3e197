"""Layers that cannot be captured are named, with what to write instead; all others pass."""

from functools import partial

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations
from torch.optim import LBFGS, SGD, Adam, AdamW, Optimizer, Rprop
from torch.optim.swa_utils import AveragedModel

from course.capture.unsupported import batch_in_parts, check_modules, check_optimizer, checked_arguments
from course.errors import RecipeError
from tests.support.networks import IDIOMS

UNSUPPORTED = {  # what is built, and what the message names
    "data_parallel": (lambda: nn.DataParallel(nn.Linear(2, 2)), "the grader chooses the devices"),
    "compiled": (lambda: torch.compile(nn.Linear(2, 2)), "made by torch.compile"),
    "scripted": (lambda: torch.jit.script(nn.Linear(2, 2)), "made by torch.jit"),
    "averaged": (
        lambda: AveragedModel(nn.Linear(2, 2)),
        'nothing would average its weights. Hand in the network itself; Recipe(average="ema", average_decay=0.99)',
    ),
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


class GhostNorm(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(4)


class PartedBatchNorm(nn.BatchNorm2d):
    pass


def test_a_batch_norm_of_parts_of_the_batch_is_named_and_others_are_not():
    for parted in (GhostNorm(), PartedBatchNorm(4)):
        sentence = batch_in_parts(nn.Sequential(nn.ReLU(), parted))
        assert sentence.startswith(f"The layer '1' of your network, {type(parted).__name__}, normalises parts")
        assert "Use nn.BatchNorm2d with a smaller Recipe(batch_size=...), or nn.GroupNorm" in sentence
    assert batch_in_parts(nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4))) == ""


WEIGHT = nn.Parameter(torch.zeros(3))


class Lookahead:
    def __init__(self, inner):
        self.inner = inner


class SharpnessAware(Optimizer):
    def __init__(self, params, base):
        super().__init__(params, {"lr": 0.1})
        self.base = base(self.param_groups)


NO_OPTIMIZERS = {  # what a function gives, and a part of the sentence
    "nothing": (lambda: None, "gives None. End its function with return"),
    "name": (lambda: "adam", "gives 'adam', a name"),
    "class": (lambda: SGD, "gives SGD before it is called. Hand it in without a function around it"),
    "partial": (lambda: partial(SGD, lr=0.1), "gives SGD before it is called"),
    "with_a_scheduler": (lambda: (SGD([WEIGHT]), None), "gives 2 values in a tuple. Give one optimizer alone"),
    "two": (lambda: [SGD([WEIGHT]), SGD([WEIGHT])], "gives 2 values in a list"),
    "lbfgs": (lambda: LBFGS([WEIGHT]), "LBFGS, which runs the network several times in each step. Use SGD or Adam"),
    "wrapper": (lambda: Lookahead(SGD([WEIGHT])), "hand in SGD itself. Recipe(average="),
    "wrapper_that_is_an_optimizer": (lambda: SharpnessAware([WEIGHT], SGD), "hand in SGD itself"),
}


@pytest.mark.parametrize("name", NO_OPTIMIZERS)
def test_what_is_given_in_place_of_an_optimizer_is_named(name):
    build, sentence = NO_OPTIMIZERS[name]
    with pytest.raises(RecipeError) as refused:
        check_optimizer(build())
    assert str(refused.value).startswith("Recipe(optimizer=...) gives") and sentence in str(refused.value)


def test_other_objects_are_left_to_the_list_of_optimizers():
    for other in (SGD([WEIGHT]), [("name", WEIGHT)], 3, {}):
        check_optimizer(other)


WRONG_OPTIONS = {  # a constructor, and a part of the sentence
    "three_betas": (partial(Adam, betas=(0.9, 0.99, 0.999)), "'betas' of Adam is (0.9, 0.99, 0.999), and a pair of"),
    "one_beta": (partial(AdamW, betas=(0.9,)), "'betas' of AdamW is (0.9,), and a pair of numbers is needed"),
    "a_beta_alone": (partial(Adam, betas=0.9), "'betas' of Adam is 0.9, and a pair of numbers is needed"),
    "three_etas": (partial(Rprop, etas=(0.5, 1.2, 1.3)), "The default is etas=(0.5, 1.2)"),
    "rates": (partial(SGD, lr=(0.1, 0.2)), "'lr' of SGD is (0.1, 0.2), and a number is needed"),
    "rate_as_a_text": (partial(SGD, lr="0.1"), "'lr' of SGD is '0.1', and a number is needed"),
    "no_rate": (lambda params: SGD(params, None), "'lr' of SGD is None, and a number is needed"),
}


@pytest.mark.parametrize("name", WRONG_OPTIONS)
def test_an_option_of_the_wrong_kind_is_named_with_what_is_needed(name):
    build, sentence = WRONG_OPTIONS[name]
    with pytest.raises(RecipeError) as refused, checked_arguments():
        build([WEIGHT])
    assert sentence in str(refused.value)


def test_what_pytorch_takes_or_refuses_by_itself_is_left_to_it():
    with checked_arguments():
        assert Adam([WEIGHT], lr=torch.tensor(0.1), betas=[0.9, 0.99]).defaults["betas"] == (0.9, 0.99)
        with pytest.raises(ValueError, match="Invalid beta parameter at index 0"):
            Adam([WEIGHT], betas=(1.5, 0.9))
        with pytest.raises(TypeError, match="unexpected keyword argument 'momentun'"):
            SGD([WEIGHT], momentun=0.9)
    # outside nothing is checked; of three betas PyTorch 2.11 keeps all, and 2.14 two
    assert Adam([WEIGHT], betas=(0.9, 0.99, 0.999)).defaults["betas"] in [(0.9, 0.99, 0.999), (0.9, 0.99)]
