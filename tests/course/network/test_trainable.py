"""A network that trains: its outputs, its state, and what it refuses."""

from __future__ import annotations

import pytest
import torch

from course.errors import SpecError
from course.network import TrainableNetwork
from course.spec import Constant
from tests.support.networks import captured
from tests.support.spec_networks import FIRST_TEN, FLAT, FLOAT, call, network, parameter, run


def test_the_images_that_are_given_stay_as_they_are():
    given, images = captured("writes_into_its_input").network, torch.ones(2, 1, 28, 28)
    TrainableNetwork(given, 1)(images, training=True)
    assert torch.equal(images, torch.ones(2, 1, 28, 28))


def test_a_state_that_is_loaded_gives_the_same_outputs():
    given, images = captured("model2").network, torch.randn(4, 1, 28, 28)
    trained = TrainableNetwork(given, 1)
    trained(images, training=True)  # moves the running statistics
    fresh = TrainableNetwork(given, 2)
    fresh.load_state_dict(trained.state_dict())
    assert torch.equal(trained(images, training=False), fresh(images, training=False))


def scalar(value: float) -> Constant:
    return Constant(shape=(), dtype=FLOAT, values=(value,))


REFUSED = {
    "output_of_another_shape": (network(FLAT), r"\(3, 784\), and \(3, 10\) is needed"),
    "output_that_is_no_tensor": (network(call("size.add", 1, 2)), "int"),
    "two_tensors_of_one_name": (
        network(FLAT, FIRST_TEN, tensors=(parameter(scalar(1.0), ()), parameter(scalar(2.0), ()))),
        "same name",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_network_that_cannot_be_trained_is_refused(case):
    given, message = REFUSED[case]
    with pytest.raises(SpecError, match=message):
        run(given)
