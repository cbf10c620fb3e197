"""The only training loop.

    for result in train(spec, images, seed=1, device=torch.device("cpu"), score=scorer):
        ...                                  # one EpochResult per epoch

Same spec, seed, device kind and threads: the same results, digit for digit, in a notebook, in the grader, and after a
restart. Every epoch draws its random numbers from a stream of its own, made from the seed and the epoch's number,
so a restart needs the weights and the optimizer's state and nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from course import transforms
from course.errors import Diverged, SpecError
from course.network import TrainableNetwork
from course.recipe import VALIDATION_IMAGES
from course.spec import Plateau, Spec
from course.training.devices import DEFAULT_THREADS, repeatable, reuse_memory, seeded
from course.training.optimizers import Schedule, build_optimizer
from course.training.scoring import LOSSES, Score

EVAL_BATCH = 500  # of 125 to 1000 the fastest, or nearly, on a CPU; the outputs are the same
MOST_LOSS = 1e6  # guessing costs 2.3; a network that has died of a huge step can stay at a finite 1e29
VERSION = 3  # goes up whenever the same spec and seed may give other numbers


@dataclass(frozen=True)
class TrainingData:
    """What the loop may see: test images without their labels. Images are uint8 (N, 28, 28), labels int64 (N,)."""

    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor

    def to(self, device: torch.device) -> TrainingData:
        return TrainingData(*(t.to(device) for t in (self.train_images, self.train_labels, self.test_images)))

    def part(self, train: int, test: int) -> TrainingData:
        """The first `train` and `test` images: for trying things out."""
        return TrainingData(self.train_images[:train], self.train_labels[:train], self.test_images[:test])


@dataclass(frozen=True)
class EpochResult:
    """One finished epoch, counted from 1. `learning_rate` is that of its last step; losses are means over images."""

    epoch: int
    learning_rate: float
    train_loss: float
    train_correct: int
    train_total: int
    test_loss: float
    correct: int
    test_total: int

    @property
    def train_accuracy(self) -> float:
        return self.train_correct / self.train_total

    @property
    def accuracy(self) -> float:
        return self.correct / self.test_total


@dataclass(frozen=True)
class Step:
    """Given to `on_step`: `step` of `steps` is done in `epoch`, which makes `images` so far.

    Reading `loss` (of this step) or `correct` (so far) waits for the device.
    """

    epoch: int
    step: int
    steps: int
    images: int
    losses: Tensor
    right: Tensor

    @property
    def loss(self) -> float:
        return self.losses[self.step - 1].item()

    @property
    def correct(self) -> int:
        return int(self.right)


class Run:
    """One training of one spec with one seed: everything that changes while it trains."""

    def __init__(self, spec: Spec, data: TrainingData, seed: int, device: torch.device, *, cuda_graphs: bool = False):
        self.spec, self.seed, self.device = spec, seed, device
        self.data = data.to(device)
        self.epoch = 0  # finished epochs
        reuse_memory()
        with seeded(seed, device):
            self.network = TrainableNetwork(spec.network, seed, device, fast=device.type == "cpu")
        self.optimizer = build_optimizer(spec.optimizer, self.network.parameters)
        self._train_transform = transforms.build(spec.train_transform, device)
        test_transform = transforms.build(spec.test_transform, device)
        if test_transform.random:
            raise SpecError("The test_transform draws something at random.")
        self.test_images = _all(test_transform, self.data.test_images, device)
        watched = isinstance(spec.schedule, Plateau) and spec.schedule.metric == "validation_loss"
        self.held_out = min(VALIDATION_IMAGES, len(data.train_images) // 4) if watched else 0
        self._validation_images = _all(test_transform, self.data.train_images[: self.held_out], device)
        self.images = len(data.train_images) - self.held_out
        self.steps = -(-self.images // spec.batch_size)
        self.schedule = Schedule(
            spec.schedule, self.optimizer, {"epoch": spec.epochs, "batch": spec.epochs * self.steps}
        )
        self._loss = LOSSES[spec.loss]
        self._compute = self._gradients
        if cuda_graphs and device.type == "cuda":
            self._compute = cuda_graphs.Graphed(self._gradients, self.network.parameters.values())

    def train_epoch(self, on_step: Callable[[Step], None] | None = None) -> tuple[float, int]:
        """Mean loss and number of right answers over the epoch. Raises Diverged."""
        draws = torch.Generator(self.device).manual_seed(stream(self.seed, self.epoch, "transform"))
        order = torch.randperm(
            self.images, generator=torch.Generator().manual_seed(stream(self.seed, self.epoch, "order"))
        )
        order = order.to(self.device) + self.held_out
        losses = torch.zeros(self.steps, device=self.device)
        sizes = torch.full((self.steps,), float(self.spec.batch_size))
        sizes[-1] = self.images - (self.steps - 1) * self.spec.batch_size
        right = torch.zeros((), dtype=torch.int64, device=self.device)
        for step, batch in enumerate(order.split(self.spec.batch_size)):
            self.schedule.before_step(self.epoch, self.epoch * self.steps + step)
            loss, correct = self.train_step(batch, draws)
            losses[step] = loss
            right += correct
            if on_step is not None:
                seen = min((step + 1) * self.spec.batch_size, self.images)
                on_step(Step(self.epoch + 1, step + 1, self.steps, seen, losses, right))
        return self._mean_loss(losses.cpu(), sizes), int(right)

    def train_step(self, batch: Tensor, draws: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """One optimizer step on the training images numbered `batch`, (N,) int64, transformed with `draws`.

        Gives loss and right answers, both on the device: nothing here waits for it.
        """
        images = self._train_transform(self.data.train_images[batch], draws)
        results = self._compute(images, self.data.train_labels[batch])
        self.optimizer.step()
        return results

    def _gradients(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        self.optimizer.zero_grad()
        outputs = self.network(images, training=True)
        loss = self._loss(outputs, labels)
        loss.backward()
        return loss.detach(), (outputs.detach().argmax(dim=1) == labels).sum()

    def _mean_loss(self, losses: Tensor, sizes: Tensor) -> float:
        bad = (~(losses.abs() <= MOST_LOSS)).nonzero()  # written so that what is not a number is bad too
        if len(bad):
            step = int(bad[0])
            self.schedule.before_step(self.epoch, self.epoch * self.steps + step)
            raise Diverged(self.epoch + 1, step + 1, float(self.optimizer.param_groups[0]["lr"]))
        return ((losses.double() * sizes).sum() / sizes.sum()).item()

    @torch.no_grad()
    def outputs(self, images: Tensor) -> Tensor:
        """The network's outputs in eval mode, (N, 10) float32 on the CPU, for images as the transform left them."""
        parts = [self.network(part, training=False) for part in images.split(EVAL_BATCH)]
        return torch.cat(parts).float().cpu()

    def test_outputs(self) -> Tensor:
        return self.outputs(self.test_images)

    def validation_loss(self) -> float:
        labels = self.data.train_labels[: self.held_out].cpu()
        return self._loss(self.outputs(self._validation_images), labels).item()

    def state(self) -> dict:
        """What a restart needs; plain tensors and numbers, to be read again with `weights_only=True`."""
        return {
            "epoch": self.epoch,
            "network": self.network.state(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state(),
        }

    def load(self, state: dict) -> None:
        self.network.load(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load(state["schedule"])
        self.epoch = state["epoch"]


def train(
    spec: Spec,
    data: TrainingData,
    *,
    seed: int,
    device: torch.device,
    score: Callable[[Tensor], Score],
    threads: int = DEFAULT_THREADS,
    cuda_graphs: bool = False,
    resume: dict | None = None,
    on_step: Callable[[Step], None] | None = None,
    on_epoch: Callable[[Run, EpochResult], None] | None = None,
) -> Iterator[EpochResult]:
    """Train and yield each finished epoch.

    `score` is called once an epoch with the outputs (N, 10) for the test images. `resume` is a `Run.state()` of the
    same spec and seed. `on_epoch` is called before an epoch is yielded, to keep the run's state or weights.
    `cuda_graphs` replays recorded steps on a CUDA device, see `course.training.cuda_graphs`.
    Raises Diverged when a loss is beyond `MOST_LOSS` or not a number, SpecError when the spec cannot be trained.
    """
    with repeatable(device, threads):
        run = Run(spec, data, seed, device, cuda_graphs=cuda_graphs)
        if resume is not None:
            run.load(resume)
    while run.epoch < spec.epochs:
        with repeatable(device, threads), seeded(stream(seed, run.epoch, "network"), device):
            train_loss, train_correct = run.train_epoch(on_step)
            scored = score(run.test_outputs())
            metrics = {"train_loss": train_loss, "test_loss": scored.loss}
            if run.held_out:
                metrics["validation_loss"] = run.validation_loss()
        rate = float(run.optimizer.param_groups[0]["lr"])
        run.schedule.after_epoch(metrics)
        run.epoch += 1
        result = EpochResult(
            epoch=run.epoch,
            learning_rate=rate,
            train_loss=train_loss,
            train_correct=train_correct,
            train_total=run.images,
            test_loss=scored.loss,
            correct=scored.correct,
            test_total=len(data.test_images),
        )
        if on_epoch is not None:
            on_epoch(run, result)
        yield result


def stream(seed: int, epoch: int, purpose: str) -> int:
    """A seed of its own for each epoch and purpose, so that a restart draws what an uninterrupted run would."""
    digest = hashlib.sha256(f"{seed}/{epoch}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def _all(transform, images: Tensor, device: torch.device) -> Tensor:
    if not len(images):
        return torch.zeros(0, 1, 28, 28, device=device)
    return torch.cat([transform(part) for part in images.split(EVAL_BATCH)])
