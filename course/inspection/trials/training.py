"""The first steps of a training, on drawn digits: what a trainer would refuse, and how long the run will take."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from course import transforms
from course.errors import RecipeError
from course.inspection.plan import steps_per_epoch, trained_images
from course.inspection.trials.images import draw_digits
from course.network import TrainableNetwork
from course.spec import Spec
from course.training.devices import deterministic
from course.training.optimizers import build_optimizer, clip_gradients
from course.training.schedule import Schedule
from course.training.scoring import training_loss

IMAGES = 128  # of a trial step at most
STEPS = 2  # the faster one counts
# A CPU trains by a plan of compiled kernels, which take this share of PyTorch's time for the network: 0.25 to 0.30 for
# the five worked recipes (one thread of a Xeon, PyTorch 2.14.1)
PLAN_SHARE = 0.28
CPU = torch.device("cpu")


@dataclass(frozen=True)
class TrialTraining:
    """`problems` are sentences, each a reason to refuse. Seconds are those of the whole run on one core of this CPU.

    `slow_transform` is the training transform that takes one image after the other; empty if none does.
    """

    problems: tuple[str, ...] = ()
    seconds: float = 0.0
    transform_seconds: float = 0.0
    slow_transform: str = ""


def transform_problems(spec: Spec) -> list[str]:
    """A sentence if the transforms do not give images that a network can take, whatever they draw."""
    problems = []
    for name in ("train_transform", "test_transform"):
        try:
            transforms.build(getattr(spec, name), CPU)
        except RecipeError as error:
            problems.append(f"{name}: {error}")
    if not problems and transforms.is_random(spec.test_transform):
        problems.append("test_transform: it draws something at random. Keep random transforms in train_transform.")
    return problems


def try_training(spec: Spec, clock: Callable[[], float] = time.thread_time) -> TrialTraining:
    """Build all that a run needs, and take steps. The transforms have no problem, and the network's cost is bounded.

    `clock` gives the seconds that this thread has computed.
    """
    try:
        with torch.random.fork_rng(devices=[]), deterministic(CPU, threads=1):
            return _train(spec, clock)
    except RecipeError as error:
        return TrialTraining((str(error),))
    except (RuntimeError, ValueError, TypeError, ArithmeticError) as error:  # of an optimizer of PyTorch's
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
        return TrialTraining((f"The first training step fails: {first_line.rstrip('.')}.",))


def _train(spec: Spec, clock: Callable[[], float]) -> TrialTraining:
    steps = steps_per_epoch(spec)
    transform = transforms.build(spec.train_transform, CPU)
    network = TrainableNetwork(spec.network, 0)
    optimizer = build_optimizer(spec.optimizer, network.parameters)
    schedule = Schedule(spec.schedule, optimizer, {"epoch": spec.epochs, "batch": spec.epochs * steps})
    loss = training_loss(spec.loss, spec.label_smoothing)
    draws = torch.Generator().manual_seed(0)
    count = min(spec.batch_size, IMAGES)
    digits, labels = draw_digits(count, draws), torch.arange(count) % 10
    times = []
    for step in range(STEPS):
        began = clock()
        images = transform(digits, draws)
        transformed = clock()
        schedule.before_step(0, step)
        optimizer.zero_grad()
        loss(network(images, training=True), labels).backward()
        if spec.clip_norm is not None:
            clip_gradients(optimizer, spec.clip_norm)
        optimizer.step()
        times.append((transformed - began, clock() - transformed))
    transform_time, network_time = map(min, zip(*times, strict=True))
    batches = spec.epochs * trained_images(spec) / count
    return TrialTraining(
        seconds=batches * (transform_time + PLAN_SHARE * network_time),
        transform_seconds=batches * transform_time,
        slow_transform=transform.unbatched,
    )
