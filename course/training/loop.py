"""The training loop, which notebooks and the grader share.

    for result in train(spec, data, seed=1, device=torch.device("cpu"), score=scorer):
        ...                                  # one EpochResult per epoch

The same spec, seed and kind of device give the same results, digit for digit, also after a restart and on any number of
threads; where `course.training.portability` finds nothing, on a CPU of any kind.
Every epoch draws its random numbers from streams of its own, seeded by the run's seed and the epoch's number, so a
restart needs only the weights, the optimizer's state and the schedule's.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

import torch
from torch import Tensor

from course import transforms
from course.errors import Diverged, OutputsNotFinite, SpecError
from course.network import Loss, PlannedNetwork, TrainableNetwork
from course.recipe import VALIDATION_IMAGES
from course.spec import Plateau, Spec
from course.training import cuda_graphs
from course.training.averaging import WeightAverage
from course.training.data import TrainingData
from course.training.device_optimizers import device_problem
from course.training.device_step import DeviceStep
from course.training.devices import deterministic, refusing_unrepeatable, reuse_memory, seeded
from course.training.hardware import DEFAULT_THREADS
from course.training.optimizers import build_optimizer, clip_gradients
from course.training.results import EpochResult, TrainingStep
from course.training.schedule import Schedule
from course.training.scoring import MAX_LOSS, Score, has_answer, mean_loss, training_loss

EVAL_BATCH = 500  # the outputs are the same for any number
# how a step is run: each launch by the host, which sets the options; the same with all that changes on the device; or
# replayed from a recording of the latter, see `device_step`
Way = Literal["by host", "on device", "recorded"]
FASTEST_WAY: dict[str, Way] = {"cpu": "by host", "cuda": "recorded"}


class Run:
    """One training of one spec with one seed: everything that changes during training."""

    def __init__(
        self,
        spec: Spec,
        data: TrainingData,
        seed: int,
        device: torch.device,
        *,
        way: Way | None = None,
    ):
        """`way` defaults to the fastest that the device has. Raises SpecError when the spec cannot be trained."""
        self.spec, self.seed, self.device = spec, seed, device
        self.data = data.to(device)
        self.epoch = 0  # finished epochs
        reuse_memory()
        with seeded(seed, device):
            self.network = make_network(spec, seed, device)
        self._train_transform = transforms.build(spec.train_transform, device)
        test_transform = transforms.build(spec.test_transform, device)
        if test_transform.random:
            raise SpecError("The test_transform draws something at random.")
        self.test_images = _transformed(test_transform, self.data.test_images, device)
        validates = isinstance(spec.schedule, Plateau) and spec.schedule.metric == "validation_loss"
        self.validation_size = min(VALIDATION_IMAGES, len(data.train_images) // 4) if validates else 0
        held_out = self.data.train_images[: self.validation_size]
        self._validation_images = _transformed(test_transform, held_out, device)
        self.train_size = len(data.train_images) - self.validation_size
        self.steps_per_epoch = -(-self.train_size // spec.batch_size)
        total = {"epoch": spec.epochs, "batch": spec.epochs * self.steps_per_epoch}
        self._loss = training_loss(spec.loss, spec.label_smoothing)
        decay = spec.average_decay
        self._average = None if decay is None else WeightAverage(self.network.named_tensors(), decay)
        self._draws = None if device.type == "meta" else torch.Generator(device)
        self.optimizer = build_optimizer(spec.optimizer, self.network.parameters, portable=device.type == "cpu")
        self.schedule = Schedule(spec.schedule, self.optimizer, total)
        self.device_step: DeviceStep | None = None
        self._device_problem = ""
        way = way or FASTEST_WAY.get(device.type, "on device")
        if way != "by host":
            self._stay_on_device(total, is_recorded=way == "recorded")

    def _stay_on_device(self, total: dict[str, int], is_recorded: bool) -> None:
        """Train by `DeviceStep`, unless something in the spec needs the host in every step."""
        groups = [group.options for group in self.spec.optimizer.groups]
        self._device_problem = device_problem(self.spec.optimizer.name, groups, self.schedule.options)
        if not self._train_transform.batched:
            self._device_problem = "its transforms are computed image by image, on the CPU"
        if self._device_problem:
            return
        self.optimizer = build_optimizer(self.spec.optimizer, self.network.parameters, on_device=True)
        self.schedule = Schedule(self.spec.schedule, self.optimizer, total)
        self.schedule.move_to(self.device)
        self.device_step = DeviceStep(
            self.train_step,
            self.schedule,
            self._draws,
            images=self.train_size,
            batch_size=self.spec.batch_size,
            device=self.device,
            record=cuda_graphs.record_graph if is_recorded else None,
            warm_up=cuda_graphs.warm_up,
        )

    @property
    def slow_because(self) -> str:
        """Why steps are not repeated from one recording, as a sentence; empty if they are, and on a CPU."""
        problem = self.device_step.problem if self.device_step is not None else self._device_problem
        return f"A step is not recorded as a whole, which makes it slower: {problem}." if problem else ""

    def train_epoch(self, on_step: Callable[[TrainingStep], None] | None = None) -> tuple[float, int]:
        """Mean loss and number of correct images over the epoch. Raises Diverged."""
        if self._draws is not None:
            self._draws.manual_seed(derive_seed(self.seed, self.epoch, "transform"))
        first = self.epoch * self.steps_per_epoch
        order = self._shuffled()
        if self.device_step is not None:
            self.device_step.begin_epoch(order, self.schedule.row(self.epoch, first))
            losses, correct_so_far = self.device_step.losses, self.device_step.correct
        else:
            losses = torch.zeros(self.steps_per_epoch, device=self.device)
            correct_so_far = torch.zeros((), dtype=torch.int64, device=self.device)
        for step, batch in enumerate(order.split(self.spec.batch_size)):
            if self.device_step is not None:
                self.device_step(len(batch))
            else:
                self.schedule.before_step(self.epoch, first + step)
                losses[step], correct = self.train_step(batch, self._draws)
                correct_so_far += correct
            if on_step is not None:
                images = min((step + 1) * self.spec.batch_size, self.train_size)
                on_step(TrainingStep(self.epoch + 1, step + 1, self.steps_per_epoch, images, losses, correct_so_far))
        return self._mean_loss(losses.cpu()), int(correct_so_far)

    def _shuffled(self) -> Tensor:
        """The indices of this epoch's training images in random order, (N,) int64. The first ones are held out."""
        generator = torch.Generator().manual_seed(derive_seed(self.seed, self.epoch, "order"))
        return torch.randperm(self.train_size, generator=generator).to(self.device) + self.validation_size

    def train_step(self, batch: Tensor, draws: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """One optimizer step on the training images with the indices `batch`, (N,) int64, transformed with `draws`.

        Returns the loss and the number of correct images as tensors on the device, and never waits for it.
        """
        images = self._train_transform(self.data.train_images[batch], draws)
        results = self._forward_backward(images, self.data.train_labels[batch])
        if self.spec.clip_norm is not None:
            clip_gradients(self.optimizer, self.spec.clip_norm)
        self.optimizer.step()
        if self._average is not None:
            self._average.update()
        return results

    def _forward_backward(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        if isinstance(self.network, PlannedNetwork):
            return self.network.step(images, labels)
        self.optimizer.zero_grad()
        outputs = self.network(images, training=True)
        loss = self._loss(outputs, labels)
        loss.backward()
        return loss.detach(), (outputs.detach().argmax(dim=1) == labels).sum()

    def _mean_loss(self, losses: Tensor) -> float:
        """The mean over all images; `losses`, (steps,), are means over batches. Raises Diverged."""
        diverged = (~(losses.abs() <= MAX_LOSS)).nonzero()  # NaN compares false
        if len(diverged):
            step = int(diverged[0])
            rate = self.schedule.learning_rate(self.epoch, self.epoch * self.steps_per_epoch + step)
            raise Diverged(self.epoch + 1, step + 1, rate, MAX_LOSS)
        sizes = torch.full((self.steps_per_epoch,), float(self.spec.batch_size), dtype=torch.float64)
        sizes[-1] = self.train_size - (self.steps_per_epoch - 1) * self.spec.batch_size
        return math.fsum((losses.double() * sizes).tolist()) / self.train_size

    @torch.no_grad()
    def outputs(self, images: Tensor) -> Tensor:
        """The network's outputs in eval mode, (N, 10) float32 on the CPU, for transformed images (N, 1, 28, 28)."""
        with self._tested_weights():
            parts = [self.network(part, training=False) for part in images.split(EVAL_BATCH)]
        return torch.cat(parts).float().cpu()

    def _tested_weights(self) -> AbstractContextManager[None]:
        """Inside, the network has the weights that are tested: averaged ones if the recipe asks for them."""
        return nullcontext() if self._average is None else self._average.in_use()

    def tested_weights(self) -> dict[str, Tensor]:
        """Copies of the network's tensors as they are tested, by name."""
        with self._tested_weights():
            return self.network.state_dict()

    def test_outputs(self) -> Tensor:
        """The outputs for the test images. Raises OutputsNotFinite when the network has no answer for most of them."""
        outputs = self.outputs(self.test_images)
        lost = int((~has_answer(outputs)).sum())
        if lost > len(outputs) / 2:
            raise OutputsNotFinite(
                f"In epoch {self.epoch + 1} the network's outputs for {lost:,} of {len(outputs):,} test images are "
                "infinite or not numbers, though its training loss is finite. Look for what grows in test mode alone: "
                "batch norm whose running statistics are not those of the images (momentum 0, or far too small), a "
                "high power, a division by something near 0."
            )
        return outputs

    def validation_loss(self) -> float:
        labels = self.data.train_labels[: self.validation_size].cpu()
        return mean_loss(self.spec.loss, self.outputs(self._validation_images), labels)

    def state_dict(self) -> dict[str, Any]:
        """What a restart needs: tensors and numbers, which `torch.load(..., weights_only=True)` reads."""
        return {
            "epoch": self.epoch,
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            **({} if self._average is None else {"average": self._average.state_dict()}),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        if self._average is not None:
            self._average.load_state_dict(state["average"])
        self.epoch = state["epoch"]


def train(
    spec: Spec,
    data: TrainingData,
    *,
    seed: int,
    device: torch.device,
    score: Callable[[Tensor], Score],
    threads: int = DEFAULT_THREADS,
    resume: dict[str, Any] | None = None,
    on_step: Callable[[TrainingStep], None] | None = None,
    on_epoch: Callable[[Run, EpochResult], None] | None = None,
    on_remark: Callable[[str], None] | None = None,
) -> Iterator[EpochResult]:
    """Train, and yield each finished epoch.

    `score` is called once per epoch with the outputs (N, 10) for the test images. `resume` is a `Run.state_dict()` of
    the same spec and seed. `on_epoch` is called before an epoch is yielded, so that it can store the run's state.
    `on_remark` is called with a sentence where a run is slower than others on this device.
    Raises Diverged when a loss is above `MAX_LOSS` or not a number, OutputsNotFinite when most test images get no
    answer, RecipeError when the device cannot train it repeatably, SpecError when the spec cannot be trained.
    """
    with deterministic(device, threads):
        run = Run(spec, data, seed, device)
        if resume is not None:
            run.load_state_dict(resume)
    remark = ""
    while run.epoch < spec.epochs:
        with deterministic(device, threads), seeded(derive_seed(seed, run.epoch, "network"), device):
            with refusing_unrepeatable():
                train_loss, train_correct = run.train_epoch(on_step)
            test_score = score(run.test_outputs())
            metrics = {"train_loss": train_loss, "test_loss": test_score.loss}
            if run.validation_size:
                metrics["validation_loss"] = run.validation_loss()
        if on_remark is not None and run.slow_because != remark:
            on_remark(remark := run.slow_because)
        learning_rate = run.schedule.learning_rate(run.epoch, (run.epoch + 1) * run.steps_per_epoch - 1)
        run.schedule.after_epoch(metrics)
        run.epoch += 1
        result = EpochResult(
            epoch=run.epoch,
            learning_rate=learning_rate,
            train_loss=train_loss,
            train_correct=train_correct,
            train_total=run.train_size,
            test_loss=test_score.loss,
            correct=test_score.correct,
            test_total=len(data.test_images),
        )
        if on_epoch is not None:
            on_epoch(run, result)
        yield result


def make_network(spec: Spec, seed: int, device: torch.device) -> TrainableNetwork:
    """The network as it starts under `seed`: on a CPU computed by the course's kernels. Raises SpecError."""
    if device.type == "cpu":
        return PlannedNetwork(spec.network, seed, Loss(spec.loss, spec.label_smoothing))
    return TrainableNetwork(spec.network, seed, device, portable=True)


def derive_seed(seed: int, epoch: int, purpose: str) -> int:
    """A separate seed for each epoch and purpose, so that a restarted run draws the same numbers."""
    digest = hashlib.sha256(f"{seed}/{epoch}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def _transformed(transform: transforms.Pipeline, images: Tensor, device: torch.device) -> Tensor:
    """All images (N, 28, 28) -> (N, 1, 28, 28), in batches of `EVAL_BATCH`."""
    if not len(images):
        return torch.zeros(0, 1, 28, 28, device=device)
    return torch.cat([transform(part) for part in images.split(EVAL_BATCH)])
