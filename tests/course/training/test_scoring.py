"""Outputs and labels -> loss, number of correct images, and the misclassified ones."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from course.training.scoring import LOSSES, MAX_LOSS, MAX_WRONG, Scorer, has_answer, training_loss

LABELS = torch.tensor([3, 1, 4])
OUTPUTS = torch.nn.functional.one_hot(torch.tensor([3, 5, 4]), 10).float()  # the second image is taken for a 5


def test_an_image_counts_when_its_highest_output_is_at_the_label():
    score = Scorer(LABELS, "nll")(OUTPUTS)
    assert score.correct == 2
    assert score.wrong == ((1, 5),)


@pytest.mark.parametrize(("loss", "expected"), [("nll", -2 / 3), ("cross_entropy", math.log(9 + math.e) - 2 / 3)])
def test_the_loss_is_the_mean_over_all_images(loss, expected):
    assert Scorer(LABELS, loss)(OUTPUTS).loss == pytest.approx(expected)


@given(smoothing=st.floats(0, 0.99), seed=st.integers(0, 99))
def test_labels_are_smoothed_as_pytorch_smooths_them_gradients_included(smoothing, seed):
    logits = torch.randn(7, 10, generator=torch.Generator().manual_seed(seed)).requires_grad_()
    labels = torch.arange(7) + seed % 3
    expected = functional.cross_entropy(logits, labels, label_smoothing=smoothing)
    (gradient,) = torch.autograd.grad(expected, logits)
    for name, outputs in (("cross_entropy", logits), ("nll", functional.log_softmax(logits, 1))):
        loss = training_loss(name, smoothing)(outputs, labels)
        torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(torch.autograd.grad(loss, logits)[0], gradient, rtol=1e-4, atol=1e-6)


def test_labels_of_log_probabilities_are_smoothed_without_normalising_them_again():
    outputs = torch.full((2, 10), -2.0)  # the exponentials do not add up to 1
    assert training_loss("nll", 0.5)(outputs, LABELS[:2]).item() == 2.0
    assert training_loss("nll", 0.0) is LOSSES["nll"]


def test_an_image_with_a_nan_is_never_correct_and_the_loss_is_finite():
    outputs = OUTPUTS.clone()
    outputs[0, 7] = math.nan
    outputs[2, 4] = math.inf
    score = Scorer(LABELS, "nll")(outputs)
    assert score.correct == 1 and math.isfinite(score.loss)


@pytest.mark.parametrize("loss", ["nll", "cross_entropy"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 3.4e38, -3.4e38])
def test_the_loss_is_finite_for_whatever_a_network_answers(loss, value):
    assert math.isfinite(Scorer(LABELS, loss)(torch.full((3, 10), value)).loss)


def test_an_image_whose_loss_is_infinite_counts_the_largest_one():
    outputs = OUTPUTS.clone()
    outputs[1, 1] = -math.inf  # the logarithm of a probability of 0, for the right class
    assert Scorer(LABELS, "nll")(outputs).loss == pytest.approx((MAX_LOSS - 2) / 3)


def test_an_answer_tells_one_class_from_the_others():
    outputs = torch.zeros(4, 10)
    outputs[0, 3], outputs[1, 3], outputs[2, :9], outputs[3] = math.nan, math.inf, -math.inf, -math.inf
    assert has_answer(outputs).tolist() == [False, False, True, False]


def test_a_limited_number_of_misclassified_images_is_named():
    count = MAX_WRONG + 5
    score = Scorer(torch.zeros(count, dtype=torch.int64), "nll")(OUTPUTS[1].repeat(count, 1))
    assert score.correct == 0 and score.wrong == tuple((index, 5) for index in range(MAX_WRONG))


@pytest.mark.parametrize("shape", [(3, 11), (2, 10), (3,)])
def test_outputs_of_another_shape_are_an_error(shape):
    with pytest.raises(ValueError, match=r"not \(3, 10\)"):
        Scorer(LABELS, "nll")(torch.zeros(shape))
