"""Is a GPU right, repeatable, and never waited for?"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from autograder.bench.gpu.setting import SEED, Setting
from autograder.bench.gpu.stages import Results, Task
from course import transforms
from course.errors import RecipeError
from course.network import TrainableNetwork
from course.network.operators import argument_position, resolve
from course.spec import Node, Spec
from course.training.device_step import WARM_UP
from course.training.devices import deterministic
from course.training.loop import Run, train
from course.training.results import EpochResult
from course.training.scoring import LOSSES, Scorer
from course.transforms.random_draws import RandomDraws

DROPOUTS = frozenset({"dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout"})
RATE = 0.01  # of the steps between which losses and gradients are compared


# --- right


def right(setting: Setting) -> Sequence[Task]:
    """Losses and gradients beside those in float64 on the CPU, and transforms beside the CPU's on the same draws."""
    recipes = setting.models() | setting.examples()
    tasks: list[Task] = [(name, partial(compare_with_float64, setting, path)) for name, path in recipes.items()]
    for name, path in recipes.items():
        tasks.append((f"transforms of {name}", partial(compare_transforms, setting, path)))
    return tasks


def compare_with_float64(setting: Setting, path: Path) -> Results:
    """The largest relative errors of losses and gradients along some steps, each from the same weights.

    Dropout is left out: its masks are other ones on another device. `on the CPU` are the errors of float32 there.
    """
    spec = without_dropout(setting.spec(path))
    exact = TrainableNetwork(spec.network, SEED)
    single = TrainableNetwork(spec.network, SEED), TrainableNetwork(spec.network, SEED, setting.device)
    exact.tensors = [_double(tensor) for tensor in exact.tensors]
    images = transforms.build(spec.test_transform, "cpu")(setting.digits.train_images[:2_000])
    labels, size = setting.digits.train_labels[:2_000], min(spec.batch_size, 128)
    errors: dict[str, list[float]] = {}
    for step in range(setting.size.steps):
        batch = torch.arange(step * size, (step + 1) * size) % len(images)
        expected = _loss_and_gradients(spec, exact, images[batch].double(), labels[batch])
        for network, where in zip(single, ("on the CPU", "here"), strict=True):
            with torch.no_grad():
                for tensor, source in zip(network.tensors, exact.tensors, strict=True):
                    tensor.copy_(source)
            with deterministic(network.device):
                found = _loss_and_gradients(
                    spec, network, images[batch].to(network.device), labels[batch].to(network.device)
                )
            for kind, ours, theirs in zip(("loss", "gradient"), found, expected, strict=True):
                errors.setdefault(f"{kind}, {where}", []).append(relative_error(ours.cpu().double(), theirs))
        with torch.no_grad():
            for parameter in exact.parameters.values():
                parameter -= RATE * parameter.grad if parameter.grad is not None else 0
    return {name: max(values) for name, values in errors.items()}


def without_dropout(spec: Spec) -> Spec:
    nodes = tuple(map(_with_all_values, spec.network.train.nodes))
    graph = spec.network.train.model_copy(update={"nodes": nodes})
    return spec.model_copy(update={"network": spec.network.model_copy(update={"train": graph})})


def _with_all_values(node: Node) -> Node:
    if node.operator not in DROPOUTS:
        return node
    position = argument_position(resolve(node.op), "p")
    return node.model_copy(update={"args": (*node.args[:position], 0.0, *node.args[position + 1 :])})


def _double(tensor: Tensor) -> Tensor:
    converted = tensor.detach().double() if tensor.is_floating_point() else tensor.detach()
    return converted.requires_grad_(tensor.requires_grad)


def _loss_and_gradients(spec: Spec, network: TrainableNetwork, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    parameters = list(network.parameters.values())
    for parameter in parameters:
        parameter.grad = None
    loss = LOSSES[spec.loss](network(images, training=True), labels)
    loss.backward()
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    return loss.detach(), torch.cat([gradient.flatten() for gradient in gradients])


def relative_error(ours: Tensor, exact: Tensor) -> float:
    return float((ours - exact).norm() / exact.norm().clamp_min(1e-30))


@dataclass(frozen=True)
class SharedDraws(RandomDraws):
    """Draws on the CPU and moves the numbers, so that two devices get the same."""

    def uniform(self, low: float = 0.0, high: float = 1.0, shape: tuple[int, ...] = ()) -> Tensor:
        return torch.rand((self.count, *shape), generator=self.generator).to(self.device) * (high - low) + low

    def normal_like(self, images: Tensor) -> Tensor:
        return torch.randn(images.shape, generator=self.generator).to(self.device)


def compare_transforms(setting: Setting, path: Path) -> Results:
    """The largest difference of a pixel, and the share of pixels that differ by more than 1e-4."""
    images, made = setting.digits.train_images[:256], []
    for device in (torch.device("cpu"), setting.device):
        pipeline = transforms.build(setting.spec(path).train_transform, device)
        if pipeline.batched_transforms is None:
            return {"computed": "image by image, on the CPU"}
        draws = SharedDraws(len(images), device, torch.Generator().manual_seed(SEED))
        batch = images.to(device).unsqueeze(1).float()
        for transform in pipeline.batched_transforms:
            batch = transform(batch, draws)
        made.append(batch.cpu())
    difference = (made[0] - made[1]).abs()
    return {"largest difference": difference.max().item(), "differ": (difference > 1e-4).double().mean().item()}


# --- repeatable


def repeatable(setting: Setting) -> list[Task]:
    """The same seed twice, and resumed after an epoch; and which operators PyTorch cannot promise it for."""
    recipes = setting.models()
    same: list[Task] = [(name, partial(train_twice, setting, path)) for name, path in recipes.items()]
    every = recipes | setting.examples()
    return same + [(f"operators of {name}", partial(warned_operators, setting, path)) for name, path in every.items()]


def train_twice(setting: Setting, path: Path) -> Results:
    first, weights, states = _trained(setting, path, None)
    again, weights_again, _ = _trained(setting, path, None)
    resumed, weights_resumed, _ = _trained(setting, path, states[0])
    return {
        "same results": first == again and _equal(weights, weights_again),
        "same after a restart": first[1:] == resumed and _equal(weights, weights_resumed),
        "epochs": len(first),
        "last": first[-1].correct,
    }


State = dict[str, Any]  # a `Run.state_dict`


def _trained(
    setting: Setting, path: Path, resume: State | None
) -> tuple[list[EpochResult], dict[str, Tensor], list[State]]:
    """The results, the weights after the last epoch, and the state after each."""
    spec = setting.spec(path)
    shortened = spec.model_copy(update={"epochs": min(spec.epochs, setting.size.epochs)})
    states: list[State] = []
    score = Scorer(setting.test_labels, spec.loss)
    results = list(
        train(
            shortened,
            setting.digits,
            seed=SEED,
            device=setting.device,
            score=score,
            resume=resume,
            on_epoch=lambda run, _: states.append(copy.deepcopy(run.state_dict())),  # the next step changes it
        )
    )
    return results, states[-1]["network"], states


def _equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def warned_operators(setting: Setting, path: Path) -> Results:
    """Of two steps: what PyTorch warns of, or what a graded run refuses."""
    run = Run(setting.spec(path), setting.digits, SEED, setting.device, way="by host")
    batch = torch.arange(64, device=setting.device)
    with deterministic(setting.device), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.use_deterministic_algorithms(setting.device.type == "cuda", warn_only=True)
        run.train_step(batch, torch.Generator(setting.device))
    found = sorted(
        {str(warning.message).split(" does not have")[0] for warning in caught if "determinis" in str(warning.message)}
    )
    return {"warned of": found, "slow because": run.slow_because}


# --- no wait


def no_wait(setting: Setting) -> list[Task]:
    """Steps in which reading a number, or waiting for the device, is an error."""
    return [(name, partial(steps_without_waiting, setting, path)) for name, path in setting.models().items()]


def steps_without_waiting(setting: Setting, path: Path) -> Results:
    """On a CPU: with PyTorch's meta device in place of a GPU, which has no numbers that could be read."""
    on_cuda = setting.device.type == "cuda"
    run = Run(setting.spec(path), setting.digits, SEED, setting.device if on_cuda else torch.device("meta"))
    step = run.device_step
    if step is None:
        raise RecipeError(run.slow_because)
    steps = min(WARM_UP + setting.size.steps, run.steps_per_epoch - 1)
    with deterministic(run.device):
        step.begin_epoch(run._shuffled(), 0)
        for _ in range(min(WARM_UP + 1, steps)):  # libraries initialise, and the step is recorded
            step(spec_batch(run))
        if on_cuda:
            torch.cuda.set_sync_debug_mode("error")
        try:
            for _ in range(max(1, steps - WARM_UP - 1)):
                step(spec_batch(run))
        finally:
            if on_cuda:
                torch.cuda.set_sync_debug_mode("default")
    return {"steps": steps, "device": run.device.type, "slow because": run.slow_because}


def spec_batch(run: Run) -> int:
    """The size of all batches of an epoch but the last one's."""
    return min(run.spec.batch_size, run.train_size)
