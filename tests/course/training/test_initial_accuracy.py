"""A network that tells digits apart before it is trained is refused, however its outputs are arranged."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course import data
from course.capture import capture
from course.errors import RecipeError
from course.training import initial_accuracy as module
from course.training.data import TrainingData
from course.training.initial_accuracy import MAX_INITIAL_ACCURACY, check_initial_accuracy, initial_accuracy
from course.training.loop import train
from course.training.scoring import Scorer
from tests.support.networks import captured, recipe
from tests.support.striped_digits import striped_digits


@pytest.fixture(scope="module")
def digits():
    mnist = data.load()
    return TrainingData(mnist.train.images[:4_000], mnist.train.labels[:4_000], mnist.test.images[:200])


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", ["model3", "functional_dropout_and_view", "squeeze_and_excite"])
def test_an_untrained_network_is_far_from_the_limit(digits, name, seed):
    images = digits.train_images[:1_000, None] / 255
    accuracy = initial_accuracy(captured(name).network, images, digits.train_labels[:1_000], seed)
    assert accuracy < MAX_INITIAL_ACCURACY - 0.1
    check_initial_accuracy(captured(name), digits, seed)


def test_data_that_chance_tells_apart_says_nothing_about_a_network():
    stripes = striped_digits(train=600, test=10)
    data = TrainingData(stripes.train.images, stripes.train.labels, stripes.test.images)
    images = data.train_images[:, None] / 255
    accuracies = [initial_accuracy(captured("model3").network, images, data.train_labels, seed) for seed in (1, 2, 3)]
    assert max(accuracies) > MAX_INITIAL_ACCURACY
    for seed in (1, 2, 3):
        check_initial_accuracy(captured("model3"), data, seed)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.line = nn.Conv2d(1, 6, 5, stride=2), nn.BatchNorm2d(6), nn.Linear(216, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.norm(self.conv(x))), 2)
        return F.log_softmax(self.line(F.dropout(x, 0.1, self.training).flatten(1)), dim=1)


@pytest.fixture(scope="module")
def trained(digits):
    """The weights after a short training: 93 % and more."""
    spec = capture(recipe(Net, epochs=3, batch_size=32))
    states = []
    for _ in train(
        spec,
        digits,
        seed=1,
        device=torch.device("cpu"),
        score=Scorer(data.load().test.labels[:200], spec.loss),
        on_epoch=lambda run, _: states.append(run.network.state_dict()),
    ):
        pass
    return states[-1]


def pretrained(weights, disguise) -> nn.Module:
    """`Net` with these weights, each of them as the end of a range, and changed by `disguise(model)`."""
    model = Net()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            values = [*weights[name].flatten().tolist(), 0.0]
            pairs = [torch.linspace(a, b, 2) for a, b in zip(values[::2], values[1::2], strict=False)]
            parameter.copy_(torch.cat(pairs)[: parameter.numel()].view(parameter.shape))
        disguise(model)
    return model


def random_signs(model):
    """Batch norm undoes the signs."""
    signs = torch.randn(6).sign()
    model.conv.weight.mul_(signs[:, None, None, None])
    model.norm.weight.mul_(signs)


def other_classes(model):
    """The outputs are in another order."""
    model.line.weight.copy_(model.line.weight.roll(3, 0))
    model.line.bias.copy_(model.line.bias.roll(3, 0))


def one_class_wins(model):
    """Every image is said to be a zero, until a first step changes one number."""
    model.line.bias[0] += 1_000


def tiny_outputs(model):
    model.line.weight.mul_(1e-6)


@pytest.mark.training
@pytest.mark.parametrize("disguise", [lambda model: None, random_signs, other_classes, one_class_wins, tiny_outputs])
def test_a_trained_network_is_refused_whatever_its_outputs_look_like(digits, trained, disguise):
    spec = capture(recipe(partial(pretrained, trained, disguise)))
    with pytest.raises(
        RecipeError, match=r"Before any training the network's outputs tell 9\d\.\d% of training images"
    ):
        check_initial_accuracy(spec, digits, seed=1)


def test_a_second_seed_is_tried_when_the_first_one_hides_what_is_known(digits, monkeypatch):
    accuracies = iter([0.1, 0.95])
    monkeypatch.setattr(module, "initial_accuracy", lambda *_: next(accuracies))
    with pytest.raises(RecipeError, match=r"95\.0%"):
        check_initial_accuracy(captured("model1"), digits, seed=1)


def test_the_trial_draws_nothing_from_the_global_random_state_and_needs_some_images(digits, monkeypatch):
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    check_initial_accuracy(captured("model2"), digits, seed=1)
    assert torch.equal(torch.random.get_rng_state(), before)
    monkeypatch.setattr(module, "MAX_INITIAL_ACCURACY", 0.0)
    check_initial_accuracy(captured("model2"), digits.subset(100, 100), seed=1)


def test_outputs_that_are_not_finite_say_nothing():
    outputs = torch.full((1_000, 10), float("nan"))
    assert module._linear_accuracy(outputs, torch.arange(1_000) % 10) < 0.2
