"""Optimizers for the device take the steps of PyTorch's, and read no number."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch._subclasses import FakeTensorMode

from course.training.device_optimizers import (
    DEVICE_OPTIMIZERS,
    TENSOR_OPTIONS,
    DeviceAdam,
    DeviceSGD,
    as_tensor_option,
    device_options,
    device_problem,
)
from course.training.optimizers import OPTIMIZERS

CPU = torch.device("cpu")
RATES = [0.1, 0.02, 0.3, 0.05]  # of the four steps
SHARE = st.sampled_from([0.0, 0.1, 0.9])


def after_steps(build, schedule, *, as_tensors: bool) -> torch.Tensor:
    """Two parameters after steps along made-up gradients, with other options in each."""
    generator = torch.Generator().manual_seed(1)
    parameters = [torch.randn(n, 3, dtype=torch.float64, generator=generator).requires_grad_() for n in (2, 5)]
    optimizer = build(parameters)
    group = optimizer.param_groups[0]
    if as_tensors:
        group |= {name: as_tensor_option(group[name], CPU) for name in schedule[0]}
    for options in schedule:
        for name, value in options.items():
            group[name] = as_tensor_option(value, CPU) if as_tensors else value
        for parameter in parameters:
            parameter.grad = torch.randn(parameter.shape, dtype=torch.float64, generator=generator)
        optimizer.step()
    return torch.cat([parameter.detach().flatten() for parameter in parameters])


def assert_same_steps(ours, theirs, schedule):
    expected = after_steps(theirs, schedule, as_tensors=False)
    assert torch.allclose(after_steps(ours, schedule, as_tensors=True), expected, rtol=1e-12, atol=1e-14)
    assert torch.allclose(after_steps(ours, schedule, as_tensors=False), expected, rtol=1e-12, atol=1e-14)


@given(
    momenta=st.lists(st.sampled_from([0.5, 0.85, 0.95]), min_size=4, max_size=4),
    weight_decay=SHARE,
    dampening=SHARE,
    nesterov=st.booleans(),
    maximize=st.booleans(),
)
def test_sgd_takes_the_steps_of_pytorchs(momenta, weight_decay, dampening, nesterov, maximize):
    options = {"weight_decay": weight_decay, "maximize": maximize, "nesterov": nesterov}
    options |= {"dampening": 0.0 if nesterov else dampening, "lr": 1.0, "momentum": 0.5}
    schedule = [{"lr": rate, "momentum": momentum} for rate, momentum in zip(RATES, momenta, strict=True)]
    assert_same_steps(lambda p: DeviceSGD(p, **options), lambda p: torch.optim.SGD(p, **options), schedule)


def test_sgd_without_momentum_takes_the_steps_of_pytorchs():
    schedule = [{"lr": rate, "weight_decay": 0.1 * rate} for rate in RATES]
    assert_same_steps(lambda p: DeviceSGD(p, lr=1), lambda p: torch.optim.SGD(p, lr=1), schedule)


@pytest.mark.parametrize("name", ["Adam", "AdamW"])
@given(
    first=st.lists(st.sampled_from([0.8, 0.9, 0.95]), min_size=4, max_size=4),
    weight_decay=SHARE,
    maximize=st.booleans(),
    eps=st.sampled_from([1e-8, 1e-3]),
)
def test_adam_takes_the_steps_of_pytorchs(name, first, weight_decay, maximize, eps):
    options = {"weight_decay": weight_decay, "maximize": maximize, "eps": eps}
    schedule = [{"lr": rate, "betas": (beta, 0.999)} for rate, beta in zip(RATES, first, strict=True)]
    assert_same_steps(
        lambda p: DeviceAdam(p, **device_options(name) | options), lambda p: OPTIMIZERS[name](p, **options), schedule
    )


def test_adamw_decays_as_pytorchs_where_the_recipe_does_not_say():
    schedule = [{"lr": rate} for rate in RATES]
    assert_same_steps(lambda p: DeviceAdam(p, **device_options("AdamW")), torch.optim.AdamW, schedule)


@pytest.mark.parametrize(
    ("name", "option"),
    [(name, option) for name, options in TENSOR_OPTIONS.items() for option in sorted(options) or ("",)],
)
def test_no_number_is_read_on_the_device(name, option):
    """Fake tensors raise where one is."""
    cuda = torch.device("cuda")
    with FakeTensorMode():
        parameters = [torch.zeros(3, 4, device=cuda, requires_grad=True) for _ in range(2)]
        optimizer_class = DEVICE_OPTIMIZERS.get(name, OPTIMIZERS[name])
        optimizer = optimizer_class(parameters, lr=0.1, **device_options(name))
        group = optimizer.param_groups[0]
        if option:
            group[option] = as_tensor_option(group[option], cuda)
        for _ in range(2):
            for parameter in parameters:
                parameter.grad = torch.ones(3, 4, device=cuda)
            optimizer.step()
        states = [value for state in optimizer.state.values() for value in state.values()]
        assert {tensor.device.type for tensor in states if isinstance(tensor, torch.Tensor)} <= {"cuda"}
        with pytest.raises(Exception, match="local_scalar_dense"):
            parameters[0].sum().item()


@pytest.mark.parametrize(
    ("name", "options", "scheduled", "problem"),
    [
        ("SGD", {}, {"lr", "momentum"}, ""),
        ("Adam", {"amsgrad": False}, {"lr", "betas"}, ""),
        ("Adam", {"amsgrad": True}, set(), "Adam with amsgrad counts its steps on the host"),
        ("Adagrad", {}, set(), "Adagrad counts its steps on the host"),
        ("RMSprop", {}, set(), ""),
        ("RMSprop", {}, {"lr"}, "RMSprop reads lr on the host, and the schedule changes it"),
    ],
)
def test_what_needs_the_host_is_told(name, options, scheduled, problem):
    assert device_problem(name, [{}, options], scheduled) == problem
