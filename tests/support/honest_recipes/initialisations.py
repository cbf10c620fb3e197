"""Ways to fill the initial weights: every function of torch.nn.init, loops over modules, and formulas."""

from __future__ import annotations

import copy
import math
from functools import partial

import torch
from torch import nn
from torch.nn import init

from tests.support.honest_recipes.building import LogProbabilities, around, network


def net() -> nn.Module:
    return around(nn.Conv2d(4, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 4, 3), nn.ReLU())


def filled(fill, **more):
    """A network whose convolutions and dense layers are filled by `fill(weight)`."""

    def build():
        made = net()
        for module in made.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                fill(module.weight)
                for name, function in more.items():
                    function(getattr(module, name))
        return made

    return network(build)


def changed(change):
    """A network that `change(network)` fills."""

    def build():
        made = net()
        change(made)
        return made

    return network(build)


def dense(fill):
    """Two dense layers: some functions are for matrices only."""

    def build():
        made = LogProbabilities(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(49, 40), nn.ReLU(), nn.Linear(40, 10))
        for layer in (made.body[2], made.body[4]):
            fill(layer.weight)
        return made

    return network(build)


def as_pytorch_resnet(made):
    for m in made.modules():
        if isinstance(m, nn.Conv2d):
            init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(m, nn.BatchNorm2d | nn.GroupNorm):
            init.constant_(m.weight, 1)
            init.constant_(m.bias, 0)


def by_apply(made):
    def fill(m):
        if type(m) is nn.Linear:
            init.trunc_normal_(m.weight, std=0.02)
            m.bias.data.fill_(0.01)

    made.apply(fill)


def by_name(made):
    for name, parameter in made.named_parameters():
        if name.endswith("bias"):
            init.zeros_(parameter)
        elif parameter.dim() > 1:
            init.xavier_uniform_(parameter, gain=init.calculate_gain("relu"))


@torch.no_grad()
def he_by_hand(made):
    for m in made.modules():
        if isinstance(m, nn.Conv2d):
            fan_in = m.in_channels * m.kernel_size[0] * m.kernel_size[1]
            m.weight.normal_(0, math.sqrt(2 / fan_in))
            m.bias.zero_()


def he_of_the_old_tutorials(made):
    for m in made.modules():
        if isinstance(m, nn.Conv2d):
            n = m.kernel_size[0] * m.kernel_size[1] * m.out_channels
            m.weight.data.normal_(0, math.sqrt(2.0 / n))
        elif isinstance(m, nn.BatchNorm2d):
            m.weight.data.fill_(1)
            m.bias.data.zero_()


def new_parameters(made):
    for m in made.modules():
        if isinstance(m, nn.Conv2d):
            m.weight = nn.Parameter(torch.randn(m.weight.shape) * (2 / m.weight[0].numel()) ** 0.5)


def scaled_by_depth(made):
    layers = [m for m in made.modules() if isinstance(m, nn.Conv2d)]
    with torch.no_grad():
        for depth, m in enumerate(layers, start=1):
            m.weight.mul_(depth**-0.5)


def last_layer_small(made):
    made.body[-1].weight.data *= 0.1
    init.zeros_(made.body[-1].bias)


def bias_of_the_classes(made):
    init.constant_(made.body[-1].bias, -math.log(10))


def zero_gamma(made):
    init.zeros_(made.body[2].weight)


def centred_filters(made):
    with torch.no_grad():
        w = made.body[1].weight
        w -= w.mean(dim=(2, 3), keepdim=True)


def unit_filters(made):
    with torch.no_grad():
        w = made.body[1].weight
        w.div_(w.flatten(1).norm(dim=1)[:, None, None, None])


def small_orthogonal_blocks(made):
    for m in made.modules():
        if isinstance(m, nn.Conv2d):
            q, _ = torch.linalg.qr(torch.randn(m.weight[0].numel(), m.out_channels))
            with torch.no_grad():
                m.weight.copy_(q.t().reshape(m.weight.shape))


def mirrored_filters(made):
    with torch.no_grad():
        w = made.body[1].weight
        w[4:] = -w[:4]


def two_draws(made):
    with torch.no_grad():
        w = made.body[1].weight
        w.copy_(0.1 * torch.randn_like(w) + 0.05 * torch.rand_like(w) * torch.sign(torch.randn_like(w)))


def cut_normal_by_hand(made):
    with torch.no_grad():
        w = made.body[1].weight
        w.copy_(torch.randn_like(w).clamp_(-2, 2).mul_(0.1))


def copied_blocks():
    block = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
    return around(block, copy.deepcopy(block), copy.deepcopy(block))


INITIALISATIONS = {
    "init_uniform": filled(partial(init.uniform_, a=-0.1, b=0.1)),
    "init_normal": filled(partial(init.normal_, std=0.05)),
    "init_trunc_normal": filled(partial(init.trunc_normal_, std=0.1, a=-0.2, b=0.2)),
    "init_xavier_uniform": filled(init.xavier_uniform_, bias=init.zeros_),
    "init_xavier_normal": filled(partial(init.xavier_normal_, gain=1.4), bias=init.zeros_),
    "init_kaiming_uniform": filled(partial(init.kaiming_uniform_, nonlinearity="relu")),
    "init_kaiming_normal": filled(
        partial(init.kaiming_normal_, mode="fan_out"), bias=partial(init.constant_, val=0.01)
    ),
    "init_orthogonal": filled(partial(init.orthogonal_, gain=math.sqrt(2))),
    "init_dirac": filled(lambda w: init.dirac_(w) if w.dim() == 4 else None),
    "init_sparse": dense(partial(init.sparse_, sparsity=0.9, std=0.1)),
    "init_eye": dense(init.eye_),
    "init_copied_blocks": network(copied_blocks),
    "init_orthogonal_dense": dense(init.orthogonal_),
    "init_ones_and_zeros": changed(lambda made: (init.ones_(made.body[2].weight), init.zeros_(made.body[2].bias))),
    "init_as_pytorch_resnet": changed(as_pytorch_resnet),
    "init_by_apply": changed(by_apply),
    "init_by_name": changed(by_name),
    "init_he_by_hand": changed(he_by_hand),
    "init_he_of_the_old_tutorials": changed(he_of_the_old_tutorials),
    "init_new_parameters": changed(new_parameters),
    "init_scaled_by_depth": changed(scaled_by_depth),
    "init_last_layer_small": changed(last_layer_small),
    "init_bias_of_the_classes": changed(bias_of_the_classes),
    "init_zero_gamma": changed(zero_gamma),
    "init_centred_filters": changed(centred_filters),
    "init_unit_filters": changed(unit_filters),
    "init_orthogonal_by_qr": changed(small_orthogonal_blocks),
    "init_mirrored_filters": changed(mirrored_filters),
    "init_two_draws": changed(two_draws),
    "init_cut_normal_by_hand": changed(cut_normal_by_hand),
}
