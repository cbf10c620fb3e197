"""Is the rebuilt network the student's? Equal initial weights, and three training steps side by side, bit for bit.

A graph cannot represent a Python counter in forward, a custom autograd function or a hook. These are detected here, in
the notebook, before anything is handed in. The check runs in the student's process: it helps honest students and does
not protect the grader.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from course import spec
from course.capture.operation_recorder import initialise_lazy_layers
from course.errors import RecipeError
from course.network import TrainableNetwork, initial_tensors
from course.recipe import Recipe
from course.training.optimizers import build_optimizer
from course.training.scoring import LOSSES

STEPS = 3
BATCH_SIZE = 16
TOLERANCE = 1e-5


def check_initial_tensors(network: spec.Network, model: nn.Module, seed: int) -> None:
    """Replaying the init program under the capture's seed must give the model's own tensors. Raises RecipeError."""
    own = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    for tensor, value in zip(network.tensors, initial_tensors(network, seed), strict=True):
        if tensor.name in own and not torch.equal(value, own[tensor.name].detach()):
            raise RecipeError(
                f"The initial values of {tensor.name!r} cannot be replayed from the model's constructor: the grader "
                "draws new ones for every seed. Fill them with torch's own functions (torch.nn.init), and leave "
                "torch.manual_seed and generators out of the constructor."
            )


def check_training_steps(recipe: Recipe, captured: spec.Spec, seed: int) -> None:
    """Train a fresh model and the rebuilt network three equal steps. Raises RecipeError naming a step that differs."""
    torch.manual_seed(seed)
    model = recipe.model()
    initialise_lazy_layers(model)
    model.train()
    check_initial_tensors(captured.network, model, seed)  # numbers not drawn by torch, as by NumPy, are new each time
    rebuilt = TrainableNetwork(captured.network, seed)
    own_optimizer = recipe.optimizer((n, p) for n, p in model.named_parameters() if p.requires_grad)
    rebuilt_optimizer = build_optimizer(captured.optimizer, rebuilt.parameters)
    generator = torch.Generator().manual_seed(seed)
    loss = LOSSES[captured.loss]
    for step in range(1, STEPS + 1):
        images = torch.randn(BATCH_SIZE, 1, 28, 28, generator=generator)
        labels = torch.randint(0, 10, (BATCH_SIZE,), generator=generator)
        torch.manual_seed(seed + step)  # both draw the same dropout masks
        own = _train_step(model, own_optimizer, loss, images, labels)
        torch.manual_seed(seed + step)
        ours = _train_step(partial(rebuilt, training=True), rebuilt_optimizer, loss, images, labels)
        if not _are_equal(own, ours):
            raise RecipeError(_difference(step, "training", own, ours))
    # with gradients, as the graph was exported: without them attention uses another algorithm with other rounding;
    # seeded, because it is the inspection that refuses random numbers in test mode
    torch.manual_seed(seed)
    own = model.eval()(images.clone()).detach()
    torch.manual_seed(seed)
    ours = rebuilt(images, training=False).detach()
    if not _are_equal(own, ours):
        raise RecipeError(_difference(STEPS, "test", own, ours))


def _train_step(
    network: Callable[[Tensor], Tensor],
    optimizer: Optimizer,
    loss: Callable[[Tensor, Tensor], Tensor],
    images: Tensor,
    labels: Tensor,
) -> Tensor:
    """The loss of one step."""
    optimizer.zero_grad()
    value = loss(network(images.clone()), labels)  # a copy, because a forward may write into its input
    value.backward()
    optimizer.step()
    return value.detach()


def _are_equal(own: Tensor, ours: Tensor) -> bool:
    """Equal up to the rounding of a memory layout that only the student's model asks for.

    NaN equals NaN: whether a recipe diverges within three steps is for the training to find out.
    """
    return torch.allclose(own, ours, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)


def _difference(step: int, mode: str, own: Tensor, ours: Tensor) -> str:
    return (
        f"The network that the grader rebuilt differs from yours in {mode} mode after step {step} (by "
        f"{(own - ours).abs().max().item():.2g}). The usual causes: a counter or list that forward changes, a hook, "
        "a custom autograd function. Let forward depend on its input and the parameters alone."
    )
