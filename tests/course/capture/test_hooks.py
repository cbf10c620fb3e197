"""A hook that only the student's own training would run is refused with its line; one on a forward is captured."""

from __future__ import annotations

import pytest
import torch
from torch.optim import SGD

from course.capture import capture
from tests.support.networks import recipe
from tests.support.student_code import SmallNet, line_of, refusal_of


class OnTheGradients(SmallNet):
    def __init__(self):
        super().__init__()
        for parameter in self.parameters():
            parameter.register_hook(lambda gradient: gradient.clamp(-10, 10))  # on the gradients


class AfterAccumulation(SmallNet):
    def __init__(self):
        super().__init__()
        self.conv.weight.register_post_accumulate_grad_hook(lambda parameter: None)  # after accumulation


class OnTheBackwardPass(SmallNet):
    def __init__(self):
        super().__init__()
        self.conv.register_full_backward_hook(lambda module, before, after: None)  # on the backward pass


class InForward(SmallNet):
    def end(self, x):
        x.register_hook(lambda gradient: gradient * 0.5)  # in forward
        return super().end(x)


def on_the_steps(named):
    optimizer = SGD(named, lr=0.1)
    optimizer.register_step_pre_hook(lambda optimizer, args, options: None)  # on the steps
    return optimizer


REFUSED = {
    "on the gradients": {"model": OnTheGradients},
    "after accumulation": {"model": AfterAccumulation},
    "on the backward pass": {"model": OnTheBackwardPass},
    "in forward": {"model": InForward},
    "on the steps": {"optimizer": on_the_steps},
}


@pytest.mark.parametrize("mark", REFUSED)
def test_a_hook_that_the_grader_would_not_run_is_refused_with_its_line(mark):
    error = refusal_of(**REFUSED[mark])
    assert error.line == line_of(__file__, mark)
    assert "adds a hook, and the grader trains without hooks" in error.message and "clip_norm=1.0" in error.message


def test_a_step_of_ones_own_is_refused():
    def build(named):
        optimizer = SGD(named, lr=0.1)
        optimizer.step = lambda: None
        return optimizer

    assert "gives SGD with a step() of your own" in str(refusal_of(optimizer=build))


def test_a_hook_on_a_forward_is_part_of_what_is_captured():
    class Doubled(SmallNet):
        def __init__(self):
            super().__init__()
            self.conv.register_forward_hook(lambda module, given, output: 2 * output)

    operators = [node.operator for node in capture(recipe(Doubled)).network.eval.nodes]
    assert operators[:2] == ["conv2d", "mul"]


def test_hooks_may_be_added_again_afterwards():
    capture(recipe(SmallNet))
    assert torch.ones(1, requires_grad=True).register_hook(print) is not None
