"""Initial weights are replayed from torch's own functions; weights from elsewhere are refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import SGD

from course import spec
from course.capture.init_program import InitProgram
from course.capture.operation_recorder import record_constructor
from tests.support.student_code import SmallNet, line_of, refusal_of


class WeightsFromNumPy(SmallNet):
    def __init__(self):
        super().__init__()
        self.conv.weight.data = torch.from_numpy(np.ones((10, 1, 6, 6))).float()  # numpy


class WeightsAsTheyAreInNumPy(SmallNet):
    def __init__(self):
        super().__init__()
        self.conv.weight = nn.Parameter(torch.from_numpy(np.ones((10, 1, 6, 6), np.float32)))  # numpy memory


class WeightsFromList(SmallNet):
    def __init__(self):
        super().__init__()
        self.conv.weight.data = torch.tensor([i / 360 for i in range(360)]).reshape(10, 1, 6, 6)  # list


class TrainsItself(SmallNet):
    def __init__(self):
        super().__init__()
        optimizer = SGD(self.parameters(), lr=0.1)
        for _ in range(3):
            loss = self(torch.randn(4, 1, 28, 28)).mean()  # trains itself
            loss.backward()
            optimizer.step()


BUILT = SmallNet()


REFUSED = {  # options of the recipe, the mark of the line that is named (or None), a part of the message
    "weights_through_numpy": ({"model": WeightsFromNumPy}, "numpy", "more than 256 ready-made numbers"),
    "weights_in_numpy_memory": ({"model": WeightsAsTheyAreInNumPy}, "numpy memory", "more than 256 ready-made numbers"),
    "weights_from_a_list": ({"model": WeightsFromList}, "list", "more than 256 ready-made numbers"),
    "trains_itself": ({"model": TrainsItself}, "trains itself", "not on the list"),
    "function_that_gives_a_built_model": ({"model": lambda: BUILT}, None, "pretrained weights are not accepted"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_weights_that_do_not_come_from_torchs_own_functions_are_refused_with_their_line(case):
    options, mark, message = REFUSED[case]
    error = refusal_of(**options)
    assert message in str(error)
    assert error.line == (line_of(__file__, mark) if mark else None)


def program_of(build: Callable[[], nn.Module]) -> tuple[InitProgram, nn.Module]:
    model, recorder = record_constructor(build, 1)
    return InitProgram(recorder, list(model.parameters())), model


def test_operations_that_no_weight_depends_on_are_left_out():
    def build() -> nn.Module:
        torch.ones(3).add(1)
        return nn.Linear(2, 2)

    program, _ = program_of(build)
    assert program.nodes == program_of(lambda: nn.Linear(2, 2))[0].nodes


def test_a_random_draw_is_kept_even_if_nothing_uses_it_because_later_draws_depend_on_it():
    def build() -> nn.Module:
        torch.rand(3)
        return nn.Linear(2, 2)

    assert any(
        node.operator in ("rand", "uniform_") and node.args[:1] == ((3,),) for node in program_of(build)[0].nodes
    )


def test_a_few_numbers_given_by_value_become_one_constant_however_often_they_are_used():
    def build() -> nn.Module:
        model, values = nn.Linear(2, 2), torch.tensor([0.25, 0.5])
        with torch.no_grad():
            model.bias.copy_(values)
            model.weight.copy_(values.expand(2, 2))
        return model

    program, model = program_of(build)
    assert [constant.values for constant in program.constants] == [(0.25, 0.5)]
    assert isinstance(program.initial_value("bias", model.bias), spec.NodeRef)


def test_a_small_tensor_from_outside_is_a_constant_by_its_values():
    program, _ = program_of(lambda: nn.Linear(1, 1))
    assert program.initial_value("x", torch.tensor([1, 2])).values == (1, 2)
