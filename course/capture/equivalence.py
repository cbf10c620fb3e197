"""Is the rebuilt network the student's? Same initial weights, and three training steps side by side, bit for bit.

What a graph cannot hold (a Python counter in forward, a custom autograd function, a hook) shows here, in the notebook,
before anything is handed in. It runs in the student's process, so it protects honest students, not the grader.
"""

from __future__ import annotations

import torch
from torch import nn

from course import spec
from course.capture.init_program import initialise_lazy_layers
from course.errors import RecipeError
from course.network import TrainableNetwork, initial_tensors
from course.recipe import Recipe
from course.training.optimizers import build_optimizer
from course.training.scoring import LOSSES

STEPS = 3
BATCH = 16
ROUNDING = 1e-5


def check_initial(network: spec.Network, model: nn.Module, seed: int) -> None:
    """Replaying the init program under the seed of the capture gives the model's own tensors. Raises RecipeError."""
    own = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    for tensor, value in zip(network.tensors, initial_tensors(network, seed), strict=True):
        if tensor.name in own and not torch.equal(value, own[tensor.name].detach()):
            raise RecipeError(
                f"The initial values of {tensor.name!r} cannot be replayed from the model's constructor: the grader "
                "draws new ones for every seed. Fill them with torch's own functions (torch.nn.init), and leave "
                "torch.manual_seed and generators out of the constructor."
            )


def check_steps(recipe: Recipe, captured: spec.Spec, seed: int) -> None:
    """Three seeded training steps of a fresh model against the rebuilt one. Raises RecipeError naming the step."""
    torch.manual_seed(seed)
    model = recipe.model()
    initialise_lazy_layers(model)
    model.train()
    check_initial(captured.network, model, seed)  # numbers drawn elsewhere, as by NumPy, are others each time
    rebuilt = TrainableNetwork(captured.network, seed)
    own_optimizer = recipe.optimizer((n, p) for n, p in model.named_parameters() if p.requires_grad)
    our_optimizer = build_optimizer(captured.optimizer, rebuilt.parameters)
    draw = torch.Generator().manual_seed(seed)
    loss = LOSSES[captured.loss]
    for step in range(1, STEPS + 1):
        images = torch.randn(BATCH, 1, 28, 28, generator=draw)
        labels = torch.randint(0, 10, (BATCH,), generator=draw)
        own = _step(model, own_optimizer, loss, images, labels, seed + step)
        ours = _step(lambda x: rebuilt(x, training=True), our_optimizer, loss, images, labels, seed + step)
        if not _same(own, ours):
            raise RecipeError(_difference(step, "training", own, ours))
    # with gradients, as the graph was exported: without them attention takes another path, with other rounding
    # seeded, because what is drawn in test mode is for the inspection to name
    torch.manual_seed(seed)
    own = model.eval()(images.clone()).detach()
    torch.manual_seed(seed)
    ours = rebuilt(images, training=False).detach()
    if not _same(own, ours):
        raise RecipeError(_difference(STEPS, "test", own, ours))


def _step(network, optimizer, loss, images, labels, seed: int) -> torch.Tensor:
    torch.manual_seed(seed)  # both draw the same dropout masks
    optimizer.zero_grad()
    value = loss(network(images.clone()), labels)  # a forward may write into what it is given
    value.backward()
    optimizer.step()
    return value.detach()


def _same(own: torch.Tensor, ours: torch.Tensor) -> bool:
    """Equal, but for the rounding of a memory layout that only the student's asks for.

    A recipe that diverges within three steps is the trainer's to judge.
    """
    return torch.allclose(own, ours, rtol=ROUNDING, atol=ROUNDING, equal_nan=True)


def _difference(step: int, mode: str, own, ours) -> str:
    return (
        f"The network that the grader rebuilt differs from yours in {mode} mode after step {step} (by "
        f"{(own - ours).abs().max().item():.2g}). The usual causes: a counter or list that forward changes, a hook, "
        "a custom autograd function. Let forward depend on its input and the parameters alone."
    )
