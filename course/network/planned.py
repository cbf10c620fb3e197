"""A network that the kernels train on a CPU, see `course.network.plan`."""

from __future__ import annotations

import torch
from torch import Tensor

from course import spec
from course.kernels.instructions import Instructions
from course.network.plan import Loss, Plan
from course.network.trainable import TrainableNetwork

IMAGES_AT_ONCE = 128  # in test mode, whose values then stay in a processor's cache


class PlannedNetwork(TrainableNetwork):
    """A network on the CPU: equal to the captured model but for rounding and dropout's masks.

    The results are the same for every number of threads, and those of kernels on every processor.
    """

    def __init__(self, network: spec.Network, seed: int, loss: Loss):
        """Raises SpecError."""
        super().__init__(network, seed, portable=True)
        self._loss = loss
        self._training_plans: dict[int, Plan] = {}  # by the number of images
        self._test_plans: dict[int, Plan] = {}
        trained = [tensor for tensor in self.tensors if tensor.requires_grad]
        self._gradients = [torch.zeros_like(tensor) for tensor in trained]
        for tensor, gradient in zip(trained, self._gradients, strict=True):
            tensor.grad = gradient

    def __call__(self, images: Tensor, *, training: bool = False) -> Tensor:
        """The outputs (N, 10) in test mode. Raises SpecError."""
        assert not training  # `step` trains
        return torch.cat([self._tested(part) for part in images.split(IMAGES_AT_ONCE)])

    @torch.no_grad()
    def _tested(self, images: Tensor) -> Tensor:
        if len(images) not in self._test_plans:
            self._test_plans[len(images)] = Plan(self.eval_program, self.tensors, len(images))
        plan = self._test_plans[len(images)]
        plan.run(images)
        return plan.unpacked_output()

    def instructions_of(self, images: int) -> list[Instructions]:
        """Those of the plan by which `step` trained on so many images."""
        return self._training_plans[images].instructions

    def step(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Mean loss and right answers, (), for (N, 1, 28, 28); the parameters' `grad` are those of this batch.

        Dropout's random numbers come from PyTorch's global generator. Raises SpecError.
        """
        if len(images) not in self._training_plans:
            self._training_plans[len(images)] = Plan(self.train_program, self.tensors, len(images), loss=self._loss)
        plan = self._training_plans[len(images)]
        torch._foreach_zero_(self._gradients)
        if plan.draws:
            numbers = torch.empty(len(plan.draws), 2, dtype=torch.int64).random_(-(2**63), None)
            for draw, (key, level) in zip(plan.draws, numbers.tolist(), strict=True):
                draw.set(key, level)
        plan.step(images, labels)
        loss, correct = plan.results.unbind()
        return loss.float(), correct.long()
