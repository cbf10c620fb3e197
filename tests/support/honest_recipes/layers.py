"""Activations, normalisations, poolings and paddings, each in one small network."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from tests.support.honest_recipes.building import around, block, network


def middle(*layers, after=4, extra=0):
    return network(lambda: around(*[build() for build in layers], after=after), extra)


def function(compute):
    return middle(lambda: block(lambda m, x: compute(x)))


ACTIVATIONS = {
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "leaky_relu": lambda: nn.LeakyReLU(0.1),
    "elu": nn.ELU,
    "selu": nn.SELU,
    "celu": lambda: nn.CELU(0.5),
    "gelu": nn.GELU,
    "gelu_by_tanh": lambda: nn.GELU(approximate="tanh"),
    "silu": nn.SiLU,
    "mish": nn.Mish,
    "hardswish": nn.Hardswish,
    "softplus": nn.Softplus,
    "softsign": nn.Softsign,
    "tanhshrink": nn.Tanhshrink,
    "softshrink": nn.Softshrink,
    "hardshrink": lambda: nn.Hardshrink(0.1),
    "hardtanh": nn.Hardtanh,
    "threshold": lambda: nn.Threshold(0.1, 0.0),
    "logsigmoid": nn.LogSigmoid,
    "prelu": nn.PReLU,
    "prelu_for_each_channel": lambda: nn.PReLU(4),
    "rrelu": nn.RReLU,
    "softmax_over_channels": lambda: nn.Softmax2d(),
}

FUNCTIONS = {
    "swish_by_hand": lambda x: x * torch.sigmoid(x),
    "mish_by_hand": lambda x: x * torch.tanh(F.softplus(x)),
    "gelu_by_hand": lambda x: 0.5 * x * (1 + torch.erf(x / 2**0.5)),
    "sine": lambda x: torch.sin(x),
    "snake": lambda x: x + torch.sin(x) ** 2,
    "squared_relu": lambda x: F.relu(x).square(),
    "quadratic": lambda x: x + 0.1 * x * x,
    "absolute_value": lambda x: x.abs(),
    "gaussian": lambda x: torch.exp(-x.pow(2)),
    "soft_clipping": lambda x: x / torch.sqrt(1 + x * x),
    "signed_square_root": lambda x: x.sign() * torch.sqrt(x.abs() + 1e-4),
    "where_with_two_slopes": lambda x: torch.where(x > 0, x, 0.25 * x),
    "clamped": lambda x: x.clamp(-3, 3),
}

NORMALISATIONS = {
    "batch_norm": lambda: nn.BatchNorm2d(4),
    "batch_norm_with_other_momentum": lambda: nn.BatchNorm2d(4, momentum=0.05, eps=1e-3),
    "batch_norm_without_affine": lambda: nn.BatchNorm2d(4, affine=False),
    "group_norm": lambda: nn.GroupNorm(2, 4),
    "layer_norm_over_all": lambda: nn.GroupNorm(1, 4),
    "layer_norm_over_the_image": lambda: nn.LayerNorm([4, 13, 13]),
    "instance_norm": lambda: nn.InstanceNorm2d(4),
    "instance_norm_with_affine": lambda: nn.InstanceNorm2d(4, affine=True),
    "rms_norm": lambda: nn.RMSNorm([4, 13, 13]),
    "rms_norm_by_hand": lambda: block(
        lambda m, x: m.scale * x * torch.rsqrt(x.pow(2).mean(1, keepdim=True) + 1e-6),
        scale=nn.Parameter(torch.ones(4, 1, 1)),
    ),
    "response_norm_of_convnext": lambda: block(
        lambda m, x: x + m.g * x * ((n := x.norm(dim=(2, 3), keepdim=True)) / (n.mean(1, keepdim=True) + 1e-6)) + m.b,
        g=nn.Parameter(torch.zeros(1, 4, 1, 1)),
        b=nn.Parameter(torch.zeros(1, 4, 1, 1)),
    ),
    "unit_length_of_channels": lambda: block(lambda m, x: F.normalize(x, dim=1)),
}

POOLINGS = {
    "max_pool": lambda: nn.MaxPool2d(2),
    "max_pool_with_overlap": lambda: nn.MaxPool2d(3, stride=2, padding=1),
    "max_pool_ceil": lambda: nn.MaxPool2d(2, ceil_mode=True),
    "average_pool": lambda: nn.AvgPool2d(2),
    "average_pool_of_inner_pixels": lambda: nn.AvgPool2d(3, 2, 1, count_include_pad=False),
    "adaptive_max_pool": lambda: nn.AdaptiveMaxPool2d(5),
    "power_average_pool": lambda: nn.LPPool2d(2, 2),
    "strided_slices": lambda: block(lambda m, x: x[:, :, ::2, ::2]),
    "mixed_pool": lambda: block(
        lambda m, x: m.a * F.max_pool2d(x, 2) + (1 - m.a) * F.avg_pool2d(x, 2), a=nn.Parameter(torch.tensor(0.5))
    ),
    "zero_padding": lambda: nn.ZeroPad2d(2),
    "reflection_padding": lambda: nn.ReflectionPad2d(1),
    "replication_padding": lambda: nn.ReplicationPad2d((1, 1, 0, 0)),
    "constant_padding": lambda: nn.ConstantPad2d(1, -0.4242),
}

LAYERS = {
    **{f"activation_{name}": middle(build) for name, build in ACTIVATIONS.items()},
    **{f"activation_{name}": function(compute) for name, compute in FUNCTIONS.items()},
    **{f"norm_{name}": middle(build, nn.ReLU) for name, build in NORMALISATIONS.items()},
    **{f"pool_{name}": middle(build) for name, build in POOLINGS.items()},
}
