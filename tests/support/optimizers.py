"""Named weights for optimizers, and an optimizer of a spec over some of them."""

from __future__ import annotations

import torch

from course.spec import Optimizer, ParameterGroup


def weights() -> dict[str, torch.Tensor]:
    """The same at every call."""
    generator = torch.Generator().manual_seed(3)
    shapes = {"a": (3, 4), "b": (4,), "c": (2,)}
    return {name: torch.randn(shape, generator=generator).requires_grad_() for name, shape in shapes.items()}


def one_group(name: str = "SGD", params: tuple[str, ...] = ("a",), **options) -> Optimizer:
    return Optimizer(name=name, groups=(ParameterGroup(params=params, options=options),))
