"""Models as students write them, and the refusals that their mistakes get."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch import nn
from torch.nn import functional as F

from course.capture import capture
from course.errors import RecipeError
from tests.support.networks import recipe


class SmallNet(nn.Module):
    """A correct model; subclasses make one mistake each."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 10, 6)

    def forward(self, x):
        return self.end(self.conv(x))

    def end(self, x):
        return F.log_softmax(x.amax((2, 3)), 1)


def line_of(file: str, mark: str) -> int:
    """The line of `file` that ends in the comment `mark`."""
    lines = Path(file).read_text().splitlines()
    (number,) = [number for number, line in enumerate(lines, start=1) if line.endswith(f"# {mark}")]
    return number


def refusal_of(**options) -> RecipeError:
    """The error with which a recipe is refused; its model is SmallNet unless `options` say otherwise."""
    with pytest.raises(RecipeError) as caught:
        capture(recipe(**{"model": SmallNet, **options}))
    return caught.value
