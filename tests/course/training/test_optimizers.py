"""A spec's optimizer is built as torch.optim builds it; what an untrusted spec may not say is refused.

`tests/course/capture/test_schedule.py` compares each class with the student's own optimizer, bit for bit.
"""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course.errors import SpecError
from course.spec import Optimizer, ParameterGroup
from course.training.optimizers import OPTIMIZERS, build_optimizer, check_option, clip_gradients
from tests.support.optimizers import one_group, weights


def test_groups_keep_their_order_parameters_and_options():
    given = Optimizer(
        name="SGD",
        groups=(
            ParameterGroup(params=("b", "a"), options={"lr": 0.1, "momentum": 0.9}),
            ParameterGroup(params=("c",), options={"lr": 0.2}),
        ),
    )
    parameters = weights()
    first, second = build_optimizer(given, parameters).param_groups
    assert [id(p) for p in first["params"]] == [id(parameters["b"]), id(parameters["a"])]
    assert (first["lr"], first["momentum"], second["lr"]) == (0.1, 0.9, 0.2)


def test_adagrads_sums_start_from_the_given_value():
    optimizer = build_optimizer(one_group("Adagrad", initial_accumulator_value=0.5), weights())
    (parameter,) = optimizer.param_groups[0]["params"]
    assert bool((optimizer.state[parameter]["sum"] == 0.5).all())


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_on_the_list_is_built_with_its_defaults(name):
    assert type(build_optimizer(one_group(name), weights())).__name__ == name


def test_integers_and_floats_are_one_type_of_option():
    check_option("SGD", "lr", 1)
    with pytest.raises(SpecError, match="'lr' cannot be True"):
        check_option("SGD", "lr", True)


@given(norm=st.floats(1e-3, 1e3), seed=st.integers(0, 99))
def test_gradients_are_clipped_together_as_pytorch_clips_them(norm, seed):
    generator = torch.Generator().manual_seed(seed)
    ours, theirs = weights(), weights()
    for parameter, other in zip(ours.values(), theirs.values(), strict=True):
        parameter.grad = torch.randn(parameter.shape, generator=generator) * 10 ** (seed % 7 - 3)
        other.grad = parameter.grad.clone()
    before = {name: parameter.grad.clone() for name, parameter in ours.items()}
    clip_gradients(torch.optim.SGD(list(ours.values()), lr=0.1), norm)
    total = torch.nn.utils.clip_grad_norm_(theirs.values(), norm)
    for name, parameter in ours.items():
        torch.testing.assert_close(parameter.grad, theirs[name].grad, rtol=1e-5, atol=0)
        if total < 0.999 * norm:  # nothing is clipped
            assert torch.equal(parameter.grad, before[name])


def test_a_parameter_without_a_gradient_is_no_part_of_the_norm():
    (first, *others) = weights().values()
    optimizer = torch.optim.SGD([first, *others], lr=0.1)
    clip_gradients(optimizer, 1.0)
    assert first.grad is None
    first.grad = torch.full_like(first, 3.0)
    clip_gradients(optimizer, 1.0)
    assert first.grad.norm().item() == pytest.approx(1.0, rel=1e-5) and others[0].grad is None


REFUSED = {
    "unknown_class": (one_group("LBFGS", lr=0.1), "not on the list"),
    "unknown_parameter": (one_group(params=("z",), lr=0.1), "'z', which is not a parameter"),
    "unknown_option": (one_group(speed=1.0), "no option 'speed'"),
    "option_that_is_the_graders": (one_group(foreach=True), "'foreach' cannot be set"),
    "option_of_another_kind": (one_group(lr=True), "'lr' cannot be True"),
    "missing_number": (one_group(lr=None), "cannot be"),
    "negative_rate": (one_group(lr=-0.1), "Invalid learning rate"),
    "no_parameters": (one_group(params=(), lr=0.1), "no parameters to train"),
    "parameter_twice": (
        Optimizer(name="SGD", groups=(ParameterGroup(params=("a",), options={}),) * 2),
        "'a' twice",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_optimizer_that_is_not_allowed_is_refused(case):
    given, message = REFUSED[case]
    with pytest.raises(SpecError, match=message):
        build_optimizer(given, weights())
