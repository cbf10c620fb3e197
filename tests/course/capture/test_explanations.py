"""What PyTorch says about usual mistakes is explained; what is not known is not."""

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from course.capture.explanations import explain

X = torch.zeros(8, 1, 28, 28)


class WithoutSuper(nn.Module):
    def __init__(self):
        self.conv = nn.Conv2d(1, 1, 3)


class WithoutSuperAndLayers(nn.Module):
    def __init__(self):
        self.width = 3


MISTAKES = {
    "dense_layer_of_another_size": (
        lambda: nn.Linear(100, 10)(X.flatten(1)),
        "is given 784. Write nn.Linear(784, ...)",
    ),
    "flattened_batch": (lambda: nn.Linear(784, 10)(X.flatten()[None]), "The batch was flattened, too"),
    "three_channels": (lambda: nn.Conv2d(3, 4, 3)(X), "the images have 1 channel. Write nn.Conv2d(1, ...)"),
    "other_channels": (lambda: nn.Conv2d(3, 4, 3)(X.expand(8, 6, 28, 28)), "it is given 6. Write nn.Conv2d(6, ...)"),
    "batch_norm": (lambda: nn.BatchNorm2d(8)(X), "is made for 8 channels, and is given 1. Write nn.BatchNorm2d(1)"),
    "no_super": (WithoutSuper, "super().__init__()"),
    "no_super_and_no_layer": (lambda: WithoutSuperAndLayers()(X), "super().__init__()"),
    "list_of_layers": (lambda: nn.ModuleList()(X), "nn.Sequential"),
    "dictionary_of_layers": (lambda: nn.ModuleDict()(X), "nn.Sequential"),
    "no_return": (lambda: nn.ReLU()(None), "has no return"),
    "several_values": (lambda: nn.ReLU()((X, X)), "Choose one of them"),
    "verbose": (lambda: ReduceLROnPlateau(None, verbose=True), "no verbose any more. Leave it out"),
    "cuda": (lambda: torch.zeros(1, device="cuda"), "the grader chooses the device"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_usual_mistake_is_explained(name):
    if name == "cuda" and torch.cuda.is_available():
        pytest.skip("nothing goes wrong here")
    call, expected = MISTAKES[name]
    with pytest.raises(Exception) as raised:
        call()
    assert expected in explain(str(raised.value))


def test_a_view_that_does_not_fit_is_explained_as_torch_export_words_it():
    text = "shape '[-1, 100]' is invalid for input of size 2704*N"
    assert explain(text) == (
        "An image has 2,704 numbers here, which do not fit that shape. Write x.flatten(1), or x.view(x.size(0), -1)."
    )
    text = "a and b must have same reduction dim, but got [1, 784*N] X [784, 10]."
    assert "The batch was flattened, too" in explain(text)


@pytest.mark.parametrize("text", ["", "division by zero", "name 'x' is not defined", "list index out of range"])
def test_any_other_error_is_left_as_it_is(text):
    assert explain(text) == ""
