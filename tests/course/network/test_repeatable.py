"""What is computed in place of adaptive pooling gives its outputs and gradients."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch._subclasses import FakeTensorMode

from course.network import TrainableNetwork
from course.network.repeatable import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_max_pool2d
from tests.support.networks import captured

SIZE = st.integers(1, 9)


def assert_equal_with_gradients(ours, theirs, images, *arguments):
    for function in (ours, theirs):
        images.grad = None
        outputs = function(images, *arguments)
        values = outputs[0] if isinstance(outputs, tuple) else outputs
        (values * torch.arange(values.numel()).reshape(values.shape)).sum().backward()
        results = (*outputs, images.grad) if isinstance(outputs, tuple) else (outputs, images.grad)
        if function is ours:
            expected = results
    assert all(torch.allclose(*pair, rtol=1e-12) for pair in zip(results, expected, strict=True))


@given(height=SIZE, width=SIZE, rows=SIZE, columns=SIZE)
def test_means_over_windows_are_those_of_adaptive_pooling(height, width, rows, columns):
    images = torch.randn(2, 3, height, width, dtype=torch.float64, requires_grad=True)
    theirs = torch.ops.aten.adaptive_avg_pool2d.default
    assert_equal_with_gradients(adaptive_avg_pool2d, theirs, images, [rows, columns])
    flat = torch.randn(2, 3, width, dtype=torch.float64, requires_grad=True)
    assert_equal_with_gradients(adaptive_avg_pool1d, torch.ops.aten.adaptive_avg_pool1d.default, flat, [columns])


@given(height=SIZE, width=SIZE, rows=SIZE, columns=SIZE)
def test_maxima_over_windows_are_those_of_adaptive_pooling(height, width, rows, columns):
    images = torch.randn(2, 3, height, width, dtype=torch.float64, requires_grad=True)
    theirs = torch.ops.aten.adaptive_max_pool2d.default
    assert_equal_with_gradients(adaptive_max_pool2d, theirs, images, [rows, columns])


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_it_is_computed_on_cuda_and_nowhere_else(device):
    spec = captured("positions_as_channels")
    with FakeTensorMode():
        program = TrainableNetwork(spec.network, 1, device).train_program
    ops = {call.name: call.op for call in program.calls}
    assert (ops["aten.adaptive_avg_pool2d.default"] is adaptive_avg_pool2d) == (device == "cuda")
