"""The average of a network's weights is PyTorch's own, and takes their place only while it is in use."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from course.training.averaging import WeightAverage

DECAY = 0.75


def tensors_of(model: nn.Module) -> dict[str, torch.Tensor]:
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


@pytest.fixture
def model():
    torch.manual_seed(3)
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3))


def test_it_averages_weights_and_running_statistics_as_pytorch_does(model):
    average = WeightAverage(tensors_of(model), DECAY)
    theirs = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(DECAY), use_buffers=True)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for step in range(6):
        optimizer.zero_grad()
        model(torch.randn(8, 1, 28, 28)).square().mean().backward()
        optimizer.step()
        average.update()
        theirs.update_parameters(model)
        if step == 0:  # no share of the untrained weights is left
            assert all(torch.equal(tensors_of(model)[name], kept) for name, kept in average.state_dict().items())
    expected = tensors_of(theirs.module)
    state = average.state_dict()
    assert set(expected) - set(state) == {"1.num_batches_tracked"}  # a count is not averaged
    for name, tensor in state.items():
        torch.testing.assert_close(tensor, expected[name].detach(), rtol=1e-6, atol=1e-7)


def test_what_does_not_change_stays_as_it_is_to_the_last_bit():
    constant = torch.rand(1000)
    average = WeightAverage({"constant": constant}, 0.999)
    for _ in range(50):
        average.update()
    assert torch.equal(average.state_dict()["constant"], constant)


def test_the_weights_come_back_after_use_whatever_happens(model):
    average = WeightAverage(tensors_of(model), DECAY)
    average.update()
    averaged = average.state_dict()
    with torch.no_grad():
        model[0].weight.add_(1)
    own = model[0].weight.detach().clone()
    with pytest.raises(KeyError), average.in_use():
        assert torch.equal(model[0].weight, averaged["0.weight"]) and model[0].weight.requires_grad
        raise KeyError
    assert torch.equal(model[0].weight, own)
    assert torch.equal(average.state_dict()["0.weight"], averaged["0.weight"])


def test_it_goes_on_from_a_state(model):
    first = WeightAverage(tensors_of(model), DECAY)
    first.update()
    second = WeightAverage(tensors_of(model), DECAY)
    second.load_state_dict(first.state_dict())
    with torch.no_grad():
        model[0].weight.mul_(3)
    first.update()
    second.update()
    assert all(torch.equal(second.state_dict()[name], tensor) for name, tensor in first.state_dict().items())
