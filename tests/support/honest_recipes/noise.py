"""Noise in training only: stochastic depth, DropBlock, Gaussian and other noise."""

from __future__ import annotations

import torch
import torchvision
from torch import nn
from torch.nn import functional as F

from tests.support.honest_recipes.building import LogProbabilities, around, block, network


class DropPath(nn.Module):
    """Stochastic depth as timm has it."""

    def __init__(self, drop_prob=0.1):
        super().__init__()
        self.drop_prob = drop_prob

    def forward(self, x):
        if self.drop_prob == 0.0 or not self.training:
            return x
        keep_prob = 1 - self.drop_prob
        shape = (x.shape[0],) + (1,) * (x.ndim - 1)
        random_tensor = x.new_empty(shape).bernoulli_(keep_prob)
        if keep_prob > 0.0:
            random_tensor.div_(keep_prob)
        return x * random_tensor


class DropPathOfBefore(DropPath):
    def forward(self, x):
        if self.drop_prob == 0.0 or not self.training:
            return x
        keep_prob = 1 - self.drop_prob
        shape = (x.shape[0],) + (1,) * (x.ndim - 1)
        random_tensor = keep_prob + torch.rand(shape, dtype=x.dtype, device=x.device)
        random_tensor.floor_()  # binarize
        return x.div(keep_prob) * random_tensor


class GaussianNoise(nn.Module):
    def __init__(self, sigma=0.1):
        super().__init__()
        self.sigma = sigma

    def forward(self, x):
        if self.training:
            x = x + self.sigma * torch.randn_like(x)
        return x


class Residual(nn.Module):
    def __init__(self, drop):
        super().__init__()
        self.conv, self.norm, self.drop = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), drop

    def forward(self, x):
        return F.relu(x + self.drop(self.norm(self.conv(x))))


def in_training(noise):
    return network(lambda: around(block(lambda m, x: noise(x) if m.training else x), nn.ReLU()))


def residual(*drops):
    return network(lambda: around(*[Residual(drop()) for drop in drops]))


NOISE = {
    "noise_stochastic_depth": residual(DropPath, lambda: DropPath(0.2), lambda: DropPath(0.0)),
    "noise_stochastic_depth_of_before": residual(DropPathOfBefore, lambda: DropPathOfBefore(0.3)),
    "noise_stochastic_depth_of_torchvision": residual(lambda: torchvision.ops.StochasticDepth(0.2, "row")),
    "noise_stochastic_depth_of_the_batch": residual(lambda: torchvision.ops.StochasticDepth(0.1, "batch")),
    "noise_drop_block": network(lambda: around(nn.ReLU(), torchvision.ops.DropBlock2d(0.1, 3))),
    "noise_drop_block_in_place": network(
        lambda: around(nn.BatchNorm2d(4), torchvision.ops.DropBlock2d(0.05, 5, inplace=True))
    ),
    "noise_gaussian": network(lambda: around(GaussianNoise(), nn.BatchNorm2d(4), GaussianNoise(0.2), nn.ReLU())),
    "noise_on_the_image": network(
        lambda: LogProbabilities(GaussianNoise(0.3), nn.Conv2d(1, 8, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(512, 10))
    ),
    "noise_gaussian_dropout": in_training(lambda x: x * (1 + 0.3 * torch.randn_like(x))),
    "noise_uniform": in_training(lambda x: x + 0.2 * (torch.rand(x.shape, device=x.device) - 0.5)),
    "noise_mask_of_channels": in_training(lambda x: x * (torch.rand(x.size(0), 4, 1, 1, device=x.device) > 0.2) / 0.8),
}
