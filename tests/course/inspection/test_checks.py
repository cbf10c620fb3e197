"""What is known without training, together: the count in words, problems and leaks."""

from __future__ import annotations

from functools import partial

import pytest
from torch import nn
from torch.optim import SGD
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torchvision.transforms import Compose, RandomApply, RandomRotation, ToTensor

from course.capture import capture
from course.errors import SpecError
from course.inspection.checks import inspect
from course.inspection.record import Choices
from course.recipe import watching
from course.spec import Graph, Input, Network, Node, NodeRef, Spec
from tests.support.networks import SEED_COUNTS, around, captured, recipe


@pytest.mark.parametrize("name", SEED_COUNTS)
def test_the_published_models_count_exactly_as_published(name):
    found = inspect(captured(name))
    assert found.counted == SEED_COUNTS[name]
    assert found.describe_count() == f"{SEED_COUNTS[name]:,} in layers"
    assert sum(layer.parameters for layer in found.layers) == SEED_COUNTS[name]
    assert found.problems == found.leaks == ()


def raw_scores() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))


def test_a_schedule_that_sees_the_test_loss_is_a_leak_and_no_other_is():
    given = capture(recipe(raw_scores, loss="cross_entropy", scheduler=watching("test_loss", ReduceLROnPlateau)))
    (leak,) = inspect(given).leaks
    assert "test loss" in leak
    honest = given.schedule.model_copy(update={"metric": "validation_loss"})
    assert inspect(given.model_copy(update={"schedule": honest})).leaks == ()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, Choices(("ToTensor", "Normalize"), (), "SGD", has_schedule=False)),
        (
            {
                "train_transform": Compose([RandomApply([RandomRotation(7)], p=0.5), ToTensor()]),
                "scheduler": watching("train_loss", ReduceLROnPlateau),
            },
            Choices(
                ("RandomApply", "RandomRotation", "ToTensor"),
                ("RandomApply", "RandomRotation"),
                "SGD",
                has_schedule=True,
            ),
        ),
        (
            {"label_smoothing": 0.1, "clip_norm": 1, "average": "ema"},
            Choices(("ToTensor", "Normalize"), (), "SGD", False, 0.1, 1.0, 0.99),
        ),
    ],
)
def test_what_else_a_recipe_chose_is_told(given, expected):
    assert inspect(capture(recipe(raw_scores, loss="cross_entropy", **given))).choices == expected


def test_averaged_weights_replace_the_last_ones_and_count_nothing():
    averaged, plain = (inspect(captured_with(average)) for average in ("ema", None))
    assert averaged.parts == plain.parts


def captured_with(average: str | None) -> Spec:
    return capture(recipe(partial(around, nn.BatchNorm2d(4), nn.ReLU()), average=average))


def test_an_untrusted_network_is_inspected_or_refused():
    nodes = (
        Node(op="aten.flatten.using_ints", args=(Input(), 1)),
        Node(op="aten.amax.default", args=(NodeRef(node=0),)),
    )
    graph = Graph(nodes=nodes, output=NodeRef(node=1))
    spec = captured("model1").model_copy(
        update={"network": Network(train=graph, eval=graph, tensors=(), init=()), "batch_size": 2}
    )
    with pytest.raises(SpecError, match="output for 2 images"):
        inspect(spec)


def test_a_usual_recipe_has_no_problem_with_another_loss_or_optimizer():
    given = recipe(partial(around, nn.ReLU()), optimizer=partial(SGD, lr=0.1), loss="cross_entropy")
    assert inspect(capture(given)).problems == ()
