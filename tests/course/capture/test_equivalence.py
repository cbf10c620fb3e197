"""The rebuilt network is compared with the student's own, and the first difference is named."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from torch.optim import SGD

from course.capture import capture
from tests.support.networks import recipe
from tests.support.student_code import SmallNet, refusal_of


class Counts(SmallNet):
    calls = 0

    def forward(self, x):
        self.calls += 1
        return super().forward(x * self.calls)


class Sign(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.sign()

    @staticmethod
    def backward(ctx, gradient):
        return gradient


class StraightThrough(SmallNet):
    def forward(self, x):
        return self.end(Sign.apply(self.conv(x)) * self.conv(x))


class HookWithMemory(SmallNet):
    def __init__(self):
        super().__init__()
        seen = []
        self.conv.register_forward_hook(lambda module, inputs, output: seen.append(1) or output * len(seen))


class FewWeightsDrawnByNumPy(SmallNet):
    def __init__(self):
        super().__init__()
        self.conv.bias.data = torch.from_numpy(np.random.default_rng().normal(size=10)).float()


class SeedsItself(SmallNet):
    def __init__(self):
        torch.manual_seed(1)
        super().__init__()


class ReadsACounterInTestMode(SmallNet):
    steps = 0

    def forward(self, x):
        self.steps += self.training
        return super().forward(x if self.training else x * self.steps)


REFUSED = {  # options of the recipe, a part of the message
    "counter_in_forward": ({"model": Counts}, "training mode after step 2"),
    "own_autograd_function": ({"model": StraightThrough}, "training mode after step 2"),
    "hook_with_a_memory": ({"model": HookWithMemory}, "training mode after step 2"),
    "few_weights_drawn_by_numpy": ({"model": FewWeightsDrawnByNumPy}, "'conv.bias' cannot be replayed"),
    "seed_in_the_constructor": ({"model": SeedsItself}, "cannot be replayed"),
    "counter_read_in_test_mode": ({"model": ReadsACounterInTestMode}, "test mode after step 3"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_model_that_its_graph_does_not_represent_is_refused_with_the_step_that_differs(case):
    options, message = REFUSED[case]
    error = refusal_of(**options)
    assert message in str(error) and error.line is None


def test_a_recipe_that_diverges_at_once_is_captured_and_left_to_the_trainer():
    assert capture(recipe(SmallNet, optimizer=partial(SGD, lr=1e30))).optimizer.groups[0].options["lr"] == 1e30
