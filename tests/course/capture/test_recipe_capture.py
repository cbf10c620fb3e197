"""A captured network is the student's own, bit for bit; what cannot be captured is named."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD
from torch.optim.lr_scheduler import OneCycleLR
from torchvision.transforms import Compose, RandomRotation, ToTensor

from course.capture import CAPTURE_SEED, capture
from course.data import steps_per_epoch
from course.errors import RecipeError
from course.network import TrainableNetwork
from course.recipe import Recipe
from course.spec import Spec
from course.training.optimizers import build_optimizer
from tests.support.networks import IDIOMS, SEED_COUNTS, LogProbabilities, captured, recipe
from tests.support.student_code import SmallNet, line_of, refusal_of

SEED = CAPTURE_SEED + 1  # the spec must hold under any seed, not only under the one it was captured with


def losses_and_logits(network, train, evaluate, optimizer) -> list[torch.Tensor]:
    """Losses of three training steps, then eval logits."""
    draw = torch.Generator().manual_seed(5)
    found = []
    for step in range(3):
        images = torch.randn(6, 1, 28, 28, generator=draw)
        labels = torch.randint(0, 10, (6,), generator=draw)
        torch.manual_seed(step)
        optimizer.zero_grad()
        loss = F.nll_loss(train(images), labels)
        loss.backward()
        optimizer.step()
        found.append(loss.detach())
    images = torch.randn(6, 1, 28, 28, generator=draw)
    return [*found, evaluate(images).detach()]


def eager(given: Recipe) -> list[torch.Tensor]:
    torch.manual_seed(SEED)
    model = given.model()
    model.eval()(torch.zeros(2, 1, 28, 28))  # lazy layers get their sizes
    optimizer = given.optimizer((n, p) for n, p in model.named_parameters() if p.requires_grad)
    return losses_and_logits(model, lambda x: model.train()(x), lambda x: model.eval()(x), optimizer)


def rebuilt(spec: Spec) -> list[torch.Tensor]:
    network = TrainableNetwork(spec.network, SEED)
    optimizer = build_optimizer(spec.optimizer, network.parameters)
    return losses_and_logits(network, partial(network, training=True), partial(network, training=False), optimizer)


@pytest.mark.parametrize("idiom", IDIOMS)
@pytest.mark.filterwarnings("ignore:.*weight_norm.*is deprecated:FutureWarning")
def test_a_captured_network_trains_and_predicts_bit_for_bit_as_the_model_does(idiom):
    given = recipe(IDIOMS[idiom])
    for own, ours in zip(eager(given), rebuilt(capture(given)), strict=True):
        assert torch.equal(own, ours)


@pytest.mark.parametrize("name", SEED_COUNTS)
def test_the_published_models_are_captured_with_every_parameter(name):
    spec = captured(name)
    network = TrainableNetwork(spec.network, 1)
    assert sum(p.numel() for p in network.parameters.values()) == SEED_COUNTS[name]
    assert spec == Spec.from_json(spec.to_json())


def test_capturing_twice_gives_the_same_spec():
    assert capture(recipe(SmallNet)).hash == capture(recipe(SmallNet)).hash


class Printing(SmallNet):
    def forward(self, x):
        print("seen")
        return super().forward(x)


def test_capture_keeps_the_callers_random_state_and_the_students_print_goes_on(capsys):
    before = torch.get_rng_state()
    capture(recipe(Printing))
    assert torch.equal(before, torch.get_rng_state())
    assert "seen" in capsys.readouterr().out


def test_a_function_may_build_the_model():
    def build(width: int = 4):
        return LogProbabilities(nn.Conv2d(1, width, 28), nn.Flatten(), nn.Linear(width, 10))

    assert capture(recipe(build)).hash == capture(recipe(partial(build, 4))).hash


class WeightsFromTwoLists(SmallNet):
    def __init__(self):
        super().__init__()
        self.first, self.second = (nn.Parameter(torch.tensor([i / 200 for i in range(200)])) for _ in range(2))


class Nothing(nn.Module):
    def forward(self, x):
        return x.flatten(1)[:, :10].log_softmax(1)


REFUSED = {  # options of the recipe, the mark of the line that is named (or None), a part of the message
    "weights_from_two_lists": ({"model": WeightsFromTwoLists}, None, "400 numbers are handed over"),
    "no_parameters": ({"model": Nothing}, None, "no parameters that can be trained"),
    "random_at_test_time": (
        {"test_transform": Compose([RandomRotation(5), ToTensor()])},
        None,
        "test_transform draws something at random",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_captured_is_refused(case):
    options, mark, message = REFUSED[case]
    error = refusal_of(**options)
    assert message in str(error)
    assert error.line == (line_of(__file__, mark) if mark else None)


def test_a_recipe_is_what_is_captured():
    with pytest.raises(RecipeError, match=r"`recipe` is dict, and a Recipe\(...\) is needed"):
        capture({})


def two_groups(named):
    parameters = [parameter for _, parameter in named]
    return SGD([{"params": parameters[:2]}, {"params": parameters[2:]}], lr=0.05, momentum=0.9)


def one_cycle(epochs, batch_size):
    steps = epochs * steps_per_epoch(batch_size)
    return {
        "optimizer": two_groups,
        "scheduler": lambda optimizer: OneCycleLR(optimizer, max_lr=0.1, total_steps=steps),
        "epochs": epochs,
        "batch_size": batch_size,
    }


def test_equal_columns_of_a_schedule_are_written_once_where_the_spec_would_be_too_long_and_only_there():
    spec = capture(recipe(IDIOMS["sequential"], **one_cycle(epochs=15, batch_size=16)))
    assert [type(column).__name__ for column in spec.schedule.columns] == [
        "ScheduleColumn",
        "ScheduleColumn",
        "RepeatedColumn",
        "RepeatedColumn",
    ]
    # as its hash was before
    spec = capture(recipe(IDIOMS["sequential"], **one_cycle(epochs=15, batch_size=128)))
    assert {type(column).__name__ for column in spec.schedule.columns} == {"ScheduleColumn"}


def test_a_schedule_that_is_too_long_all_the_same_is_refused_with_what_to_do():
    with pytest.raises(RecipeError, match="Take larger batches, step the scheduler by epoch"):
        capture(recipe(IDIOMS["sequential"], **one_cycle(epochs=15, batch_size=4)))
