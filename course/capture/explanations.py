"""What PyTorch says when a model cannot be built or run, and what a student has to change."""

from __future__ import annotations

import re
from collections.abc import Callable


def explain(text: str) -> str:
    """A sentence about the mistake behind an error's message; "" for one that is not known."""
    for pattern, sentence in _KNOWN:
        if found := re.search(pattern, text):
            return sentence(found) if callable(sentence) else sentence
    return ""


def _number(text: str) -> str:
    return f"{int(text):,}"


def _dense(found: re.Match[str]) -> str:
    batch, given, wanted = found.groups()
    if "*" in given or batch == "1":
        return "The batch was flattened, too. Write x.flatten(1), which keeps one row for each image."
    return (
        f"A dense layer is made for {_number(wanted)} numbers of an image, and is given {_number(given)}. Write "
        f"nn.Linear({given}, ...), or change the layers before it."
    )


def _view(found: re.Match[str]) -> str:
    return (
        f"An image has {_number(found.group(1))} numbers here, which do not fit that shape. Write x.flatten(1), or "
        "x.view(x.size(0), -1)."
    )


def _channels(found: re.Match[str]) -> str:
    given = found.group("given")
    what = "the images have 1 channel" if given == "1" else f"it is given {given}"
    return f"A convolution is made for {found.group('wanted')} channels, and {what}. Write nn.Conv2d({given}, ...)."


def _norm(found: re.Match[str]) -> str:
    wanted, given = found.groups()
    return f"A batch norm is made for {given} channels, and is given {wanted}. Write nn.BatchNorm2d({wanted})."


_SUPER = "Call super().__init__() first in the __init__ of your module."
_RETURN = "A layer is given None: the forward or the function before it has no return."
_KNOWN: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (
        r"NVIDIA driver|CUDA|cuda|\bmps\b",
        "Leave .cuda() and .to(device) out: the grader chooses the device. A tensor made in forward takes "
        "device=x.device.",
    ),
    (
        r"unexpected keyword argument 'verbose'",
        "PyTorch's schedulers have no verbose any more. Leave it out; inspect(recipe) shows what the schedule does.",
    ),
    (r"cannot assign .* before Module\.__init__\(\) call", _SUPER),
    (r"object has no attribute '_(modules|parameters|buffers|forward_hooks|backward_hooks)'", _SUPER),
    (
        r'Module \[Module(List|Dict)\] is missing the required "forward" function',
        "A list of layers cannot be called. Loop over it, for layer in self.layers: x = layer(x), or use "
        "nn.Sequential.",
    ),
    (r"must have same reduction dim, but got \[(\S+), ([\d*N]+)\] X \[(\d+), \d+\]", _dense),
    (r"mat1 and mat2 shapes cannot be multiplied \((\d+)x(\d+) and (\d+)x\d+\)", _dense),
    (r"is invalid for input of size (\d+)\*N", _view),
    (r"weight of size \[\d+, (?P<wanted>\d+), .* but got (?P<given>\d+) channels", _channels),
    (r"running_mean should contain (\d+) elements not (\d+)", _norm),
    (r"must be Tensor, not NoneType|\(NoneType\b|'NoneType' object", _RETURN),
    (
        r"must be Tensor, not (tuple|list|dict)|'(tuple|list|dict)' object has no attribute '(dim|size|shape|flatten)'",
        "A layer is given several values where it takes one tensor. Choose one of them, as in x = x[0].",
    ),
)
