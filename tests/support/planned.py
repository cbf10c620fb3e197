"""A network's training step by the kernels and by PyTorch in float64, to be compared."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from course import spec
from course.network import Loss, PlannedNetwork, TrainableNetwork


class Step(NamedTuple):
    """What one training step leaves behind: the loss, gradients and tensors by name."""

    loss: float
    gradients: dict[str, Tensor]
    tensors: dict[str, Tensor]


def without_dropout(network: spec.Network) -> spec.Network:
    """The network with dropout of probability 0, so that no mask has to agree."""
    nodes = tuple(
        node.model_copy(update={"args": (node.args[0], 0.0, *node.args[2:])}) if "dropout" in node.operator else node
        for node in network.train.nodes
    )
    return network.model_copy(update={"train": network.train.model_copy(update={"nodes": nodes})})


def step_of_kernels(network: spec.Network, images: Tensor, labels: Tensor) -> tuple[Step, PlannedNetwork]:
    planned = PlannedNetwork(network, 1, Loss("nll"))
    torch.manual_seed(5)
    loss, _ = planned.step(images, labels)
    gradients = {name: parameter.grad.clone() for name, parameter in planned.parameters.items()}
    return Step(float(loss), gradients, planned.state_dict()), planned


def step_of_pytorch(network: spec.Network, images: Tensor, labels: Tensor) -> Step:
    """In float64."""
    exact = TrainableNetwork(network, 1, portable=True)
    exact.tensors = [
        tensor.detach().double().requires_grad_(tensor.requires_grad) if tensor.is_floating_point() else tensor
        for tensor in exact.tensors
    ]
    torch.manual_seed(5)
    loss = F.nll_loss(exact(images.double(), training=True), labels)
    loss.backward()
    gradients = {
        name: torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        for name, parameter in exact.parameters.items()
    }
    return Step(loss.item(), gradients, exact.state_dict())
