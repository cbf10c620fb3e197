"""Remarks on networks: each is made where it is true, and nowhere else."""

from __future__ import annotations

from functools import partial

import pytest
from torch import nn
from torch.nn import functional as F

from course.capture import capture
from course.inspection.advice.network import advice_on_network
from course.inspection.counting import count_parameters
from course.inspection.layers import list_layers
from course.inspection.record import Advice
from tests.support.networks import SEED_MODELS, captured, recipe, seed_model


def remarks_on(model, **options) -> list[Advice]:
    spec = capture(recipe(model, **options))
    return list(advice_on_network(spec, count_parameters(spec.network), list_layers(spec.network)))


def about(words: str, model, **options) -> list[Advice]:
    return [advice for advice in remarks_on(model, **options) if words in advice.text]


class Net(nn.Module):
    """Nothing to remark: no bias before a norm, and a mean over positions that see 22 pixels."""

    bias = False

    def __init__(self):
        super().__init__()
        self.first, self.norm = nn.Conv2d(1, 8, 5, stride=2, bias=self.bias), nn.BatchNorm2d(8)
        self.second, self.scores = nn.Conv2d(8, 8, 5, stride=2), nn.Conv2d(8, 10, 3)

    def features(self, x):
        return self.scores(F.relu(self.second(F.relu(self.norm(self.first(x)))))).mean((2, 3))

    def forward(self, x):
        return F.log_softmax(self.features(x), dim=1)


def ending(end) -> type[Net]:
    class Ending(Net):
        def forward(self, x):
            return end(self, self.features(x))

    return Ending


def test_a_network_without_a_fault_gets_no_remark():
    assert remarks_on(Net) == []
    assert remarks_on(ending(lambda self, x: x), loss="cross_entropy") == []


@pytest.mark.parametrize(("name", "wasted"), [("model1", 72), ("model2", 66), ("model3", 70)])
def test_of_the_published_models_only_the_biases_before_batch_norms_are_remarked(name, wasted):
    assert name in SEED_MODELS
    spec = captured(name)
    (advice,) = advice_on_network(spec, count_parameters(spec.network), list_layers(spec.network))
    assert f"are {wasted} of " in advice.text and "bias=False" in advice.text
    assert advice.lesson == "lesson 1: Dead weight"
    norms = [module for module in seed_model(name).modules() if isinstance(module, nn.BatchNorm2d)]
    assert wasted == sum(norm.num_features for norm in norms)


class WithBias(Net):
    bias = True


class BetweenThem(WithBias):
    def features(self, x):
        return self.scores(F.relu(self.second(self.norm(F.relu(self.first(x)))))).mean((2, 3))


class ReadTwice(WithBias):
    def features(self, x):
        x = self.first(x)
        return self.scores(F.relu(self.second(F.relu(self.norm(x)) + x))).mean((2, 3))


class Frozen(WithBias):
    def __init__(self):
        super().__init__()
        self.first.bias.requires_grad_(False)


def test_a_bias_is_wasted_only_where_a_batch_norm_alone_reads_its_layer():
    (advice,) = about("biases", WithBias)
    assert "(first) are 8 of " in advice.text and advice.line is not None
    for model in (BetweenThem, ReadTwice, Frozen):
        assert about("biases", model) == []


def test_layers_that_forward_does_not_use_are_named():
    class Unused(Net):
        def __init__(self):
            super().__init__()
            self.old = nn.BatchNorm2d(16)

    (advice,) = remarks_on(Unused)
    assert advice.text == "forward does not use the layer 'old', whose 32 parameters count all the same. Delete it."


ENDS = {  # how a forward ends, the loss, a part of each remark
    "softmax_before_cross_entropy": (lambda self, x: F.softmax(x, 1), "cross_entropy", ["cannot fall below 1.46"]),
    "log_softmax_before_cross_entropy": (lambda self, x: x.log_softmax(1), "cross_entropy", ["changes nothing"]),
    "softmax_twice": (lambda self, x: F.softmax(x, 1).log_softmax(1), "nll", ["no class can reach more than 23 %"]),
    "relu": (lambda self, x: F.relu(x).log_softmax(1), "nll", ["ReLU is the last step"]),
    "relu_and_a_view": (lambda self, x: F.relu(x).view(-1, 10).log_softmax(-1), "nll", ["ReLU is the last step"]),
    "dropout": (lambda self, x: F.dropout(x, 0.1, self.training).log_softmax(1), "nll", ["Dropout on the ten scores"]),
    "relu_and_dropout": (
        lambda self, x: F.dropout(F.relu(x), 0.1, self.training).log_softmax(1),
        "nll",
        ["Dropout on the ten scores", "ReLU is the last step"],
    ),
    "dropout_of_nothing": (lambda self, x: F.dropout(x, 0.0, self.training).log_softmax(1), "nll", []),
    "leaky": (lambda self, x: F.leaky_relu(x).log_softmax(1), "nll", []),
    "scaled": (lambda self, x: (2 * x).log_softmax(1), "nll", []),
}


@pytest.mark.parametrize("case", ENDS)
def test_the_end_of_forward(case):
    end, loss, expected = ENDS[case]
    found = remarks_on(ending(end), loss=loss)
    assert len(found) == len(expected)
    for advice, words in zip(found, expected, strict=True):
        assert words in advice.text and advice.line is not None


def test_relu_before_a_mean_over_positions_is_the_last_step_too():
    class Rectified(Net):
        def features(self, x):
            return F.adaptive_avg_pool2d(F.relu(self.scores(self.second(self.norm(self.first(x))))), 1).flatten(1)

    (advice,) = remarks_on(Rectified)
    assert "ReLU is the last step" in advice.text


def test_values_that_see_less_than_a_digit_are_remarked_where_their_positions_are_joined():
    class Near(Net):
        def __init__(self):
            super().__init__()
            self.second = nn.Conv2d(8, 8, 3)

    (advice,) = remarks_on(Near)
    assert "No value sees more than 13 by 13 pixels" in advice.text and "How far a layer sees" in advice.lesson

    class OnePosition(Near):
        def features(self, x):
            return self.scores(self.second(self.norm(self.first(x))))[:, :, 3, 3]

    assert len(about("No value sees more than 13 by 13", OnePosition)) == 1

    class Dense(Near):
        def __init__(self):
            super().__init__()
            self.scores = nn.Linear(800, 10)

        def features(self, x):
            return self.scores(self.second(self.norm(self.first(x))).flatten(1))

    assert about("No value sees", Dense) == []


def test_a_dense_head_that_takes_half_of_the_parameters_is_remarked():
    class Head(Net):
        def __init__(self):
            super().__init__()
            self.scores = nn.Linear(128, 10)

        def features(self, x):
            return self.scores(F.relu(self.second(F.relu(self.norm(self.first(x))))).flatten(1))

    class LargerHead(Head):
        def __init__(self):
            super().__init__()
            self.scores = nn.Sequential(nn.Linear(128, 32), nn.Linear(32, 10))

    assert about("dense layer", Head) == []  # 1,290 of 3,110
    (advice,) = about("dense layer", LargerHead)
    assert "'scores.0' has 4,128 of 6,282 parameters, for each of 16 positions its own" in advice.text
    assert about("dense layer", partial(linear)) == []


def linear() -> nn.Module:
    """Without a convolution there is nothing to save for."""
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10), nn.LogSoftmax(1))
