"""Log-softmax and the loss: as PyTorch computes them in float64."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from course.kernels import classification, layout
from tests.support.kernels import computed, packed


def ours(outputs: torch.Tensor, labels: torch.Tensor, label_smoothing: float = 0.0) -> tuple:
    """Mean loss, right answers, log-probabilities, and the gradient of the outputs."""
    count = len(outputs)
    x = packed(outputs)
    y, dy, dx = torch.empty_like(x), torch.empty_like(x), torch.empty_like(x)
    padded = torch.zeros(len(x) * layout.BLOCK, dtype=torch.int64)
    padded[:count] = labels
    results = torch.zeros(2, dtype=torch.float64)
    computed(
        [
            *classification.log_softmax(x, y),
            *classification.nll_loss(y, padded, dy, results, count, label_smoothing),
            *classification.log_softmax_backward(y, dy, dx),
        ],
        threads=2,
    )
    return *results.tolist(), layout.unpack(y, count), layout.unpack(dx, count)


@settings(max_examples=60)
@given(st.integers(1, 100), st.integers(0, 99), st.sampled_from([0.1, 1.0, 30.0]), st.sampled_from([0.0, 0.1, 0.9]))
def test_loss_gradient_and_right_answers_are_pytorchs(count, seed, size, label_smoothing):
    generator = torch.Generator().manual_seed(seed)
    outputs = torch.randn(count, 10, generator=generator) * size
    labels = torch.randint(10, (count,), generator=generator)
    exact = outputs.double().requires_grad_()
    expected = F.cross_entropy(exact, labels, label_smoothing=label_smoothing)
    expected.backward()
    loss, correct, log_probabilities, gradient = ours(outputs, labels, label_smoothing)
    assert loss == pytest.approx(expected.item(), rel=1e-5, abs=1e-6)
    assert correct == int((outputs.argmax(1) == labels).sum())
    assert torch.allclose(log_probabilities.double(), exact.log_softmax(1), rtol=1e-6, atol=2e-6 * size)
    assert torch.allclose(gradient.double(), exact.grad, atol=1e-6 / count)


def test_of_equal_outputs_the_first_is_the_answer():
    outputs = torch.zeros(3, 10)
    outputs[1, 4:6] = 1.0
    outputs[2, 3] = math.nan  # then no log-probability is a number
    for answer, label in enumerate([0, 4, 0]):
        assert ours(outputs[answer : answer + 1], torch.tensor([label]))[1] == 1


def test_a_loss_that_is_not_a_number_or_infinite_is_told():
    outputs = torch.zeros(2, 10)
    outputs[1, 2] = math.nan
    assert math.isnan(ours(outputs, torch.tensor([1, 2]))[0])
    impossible = torch.zeros(1, 10)
    impossible[0, 3] = -math.inf
    assert ours(impossible, torch.tensor([3]))[0] == math.inf
