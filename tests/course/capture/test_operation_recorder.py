"""A constructor's operations are recorded in order, with references to what made each tensor."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from course import spec
from course.capture import initialise_lazy_layers, operation_recorder
from course.capture.operation_recorder import OperationRecorder, as_constant, record_constructor
from course.errors import RecipeError
from tests.support.student_code import SmallNet, refusal_of

REFUSED = {  # options of the recipe, the mark of the line that is named (or None), a part of the message
    "not_a_module": ({"model": dict}, None, "a torch.nn.Module is needed"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_function_that_builds_no_module_is_refused(case):
    options, _, message = REFUSED[case]
    assert message in str(refusal_of(**options))


def test_a_call_refers_to_the_calls_that_made_its_arguments_and_names_its_line():
    def build() -> nn.Module:
        model = nn.Linear(2, 1, bias=False)
        model.weight.data = torch.full((1, 2), 3.0).mul(2.0)
        return model

    model, recorder = record_constructor(build, 1)
    (mul,) = [call for call in recorder.calls if call.op is torch.ops.aten.mul.Tensor]
    made_by, factor = mul.args
    (full,) = [call for call in recorder.calls if call.op is torch.ops.aten.full.default]
    assert recorder.calls[made_by.node].outputs == full.outputs  # a detached tensor shares its memory
    assert (full.args, factor) == (((1, 2), 3.0), 2.0)
    assert mul.line == build.__code__.co_firstlineno + 2
    assert recorder.find(model.weight) is not None


def test_a_tensor_made_before_the_recording_is_a_constant_as_it_was_before_it_changed():
    given = torch.tensor([1.0, 2.0])
    with OperationRecorder() as recorder:
        given.add_(1)
    assert [constant.values for constant in recorder.constants] == [(1.0, 2.0)]
    assert recorder.calls[recorder.find(given).node].op is torch.ops.aten.add_.Tensor


def test_one_of_several_results_is_a_call_of_its_own():
    with OperationRecorder() as recorder:
        first, second = torch.ones(4).split(2)
    assert recorder.calls[recorder.find(second).node].op == "size.getitem"
    assert recorder.calls[recorder.find(second).node].args[1] == 1
    assert recorder.find(first) != recorder.find(second)


def test_a_constructor_that_computes_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(operation_recorder, "MAX_OPERATIONS", 20)

    def build() -> nn.Module:
        x = torch.zeros(1)
        while True:
            x = x + 1

    with pytest.raises(RecipeError, match="more than 20 tensor operations") as caught:
        record_constructor(build, 1)
    assert caught.value.line == build.__code__.co_firstlineno + 3


def test_recording_draws_as_the_seed_says_and_leaves_the_global_random_state_alone():
    before = torch.get_rng_state()
    model, _ = record_constructor(SmallNet, 5)
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(5)
    assert torch.equal(model.conv.weight, SmallNet().conv.weight)


def test_a_constant_is_small_finite_and_of_a_type_that_a_spec_knows():
    constant = as_constant(torch.tensor([[1, 2], [3, 4]]))
    assert (constant.shape, constant.dtype.dtype, constant.values) == ((2, 2), "int64", (1, 2, 3, 4))
    assert as_constant(torch.zeros(spec.MAX_VALUES + 1)) is None
    assert as_constant(torch.zeros(1, dtype=torch.complex64)) is None
    with pytest.raises(RecipeError, match="the number inf"):
        as_constant(torch.tensor([float("inf")]))


def test_lazy_layers_get_their_shapes_and_other_models_are_not_run():
    model = nn.Sequential(nn.Flatten(), nn.LazyLinear(10))
    initialise_lazy_layers(model)
    assert model[1].weight.shape == (10, 784)

    class NeverRun(nn.Module):
        def forward(self, x):
            raise AssertionError

    initialise_lazy_layers(NeverRun())


def test_a_call_that_writes_into_a_tensor_is_recorded_as_a_call_and_a_copy():
    def build() -> nn.Module:
        model = nn.Linear(4, 3)
        nn.init.eye_(model.weight)
        torch.add(torch.zeros(3), 2.0, out=model.bias.data)
        return model

    model, recorder = record_constructor(build, 1)
    assert torch.equal(model.weight, torch.eye(3, 4)) and model.bias.tolist() == [2.0, 2.0, 2.0]
    ops = [call.op for call in recorder.calls]
    assert torch.ops.aten.eye.m in ops and torch.ops.aten.add.Tensor in ops
    assert not [op for op in ops if "out" in str(op).rpartition(".")[2]]


def test_a_copy_of_a_layer_is_recorded_with_its_buffers():
    layer = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))

    def build() -> nn.Module:
        block = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
        return nn.Sequential(block, copy.deepcopy(block))

    before = torch.Tensor.__deepcopy__
    model, recorder = record_constructor(build, 1)
    assert torch.Tensor.__deepcopy__ is before
    first, second = model
    assert torch.equal(first[0].weight, second[0].weight) and first[0].weight is not second[0].weight
    assert first[1].running_mean is not second[1].running_mean
    assert all(recorder.find(tensor) for tensor in (*model.parameters(), *model.buffers()))
    assert copy.deepcopy(layer)[0].weight.requires_grad
