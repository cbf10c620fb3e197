"""Optimizers with their usual options, and ways to divide the parameters into groups."""

from __future__ import annotations

from functools import partial

from torch import optim

from tests.support.honest_recipes.building import with_options


def no_decay_on_norms_and_biases(named):
    named = list(named)
    return optim.AdamW(
        [
            {"params": [p for n, p in named if p.ndim > 1], "weight_decay": 0.01},
            {"params": [p for n, p in named if p.ndim <= 1], "weight_decay": 0.0},
        ],
        lr=0.01,
    )


def no_decay_by_name(named):
    decay, rest = [], []
    for name, parameter in named:
        (rest if name.endswith(("bias", "1.weight")) else decay).append(parameter)
    return optim.SGD([{"params": decay, "weight_decay": 5e-4}, {"params": rest}], lr=0.1, momentum=0.9)


def faster_head(named):
    groups = {False: [], True: []}
    for name, parameter in named:
        groups[name.startswith("body.5")].append(parameter)
    return optim.Adam([{"params": groups[False]}, {"params": groups[True], "lr": 0.01}], lr=0.001)


def rate_falls_with_depth(named):
    return optim.SGD(
        [{"params": [p], "lr": 0.1 * 0.9**i} for i, (_, p) in enumerate(named)], lr=0.1, momentum=0.9, nesterov=True
    )


def plain_list(named):
    return optim.Adam([p for _, p in named], lr=0.003)


def generator(named):
    return optim.SGD((parameter for name, parameter in named), lr=0.05)


def from_a_dictionary(named):
    return optim.RMSprop(dict(named).values(), lr=0.001)


OPTIMIZERS = {
    "sgd": partial(optim.SGD, lr=0.05),
    "sgd_momentum": partial(optim.SGD, lr=0.05, momentum=0.9),
    "sgd_nesterov": partial(optim.SGD, lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-4),
    "sgd_dampening": partial(optim.SGD, lr=0.05, momentum=0.8, dampening=0.1),
    "adam": optim.Adam,
    "adam_betas": partial(optim.Adam, lr=0.003, betas=(0.8, 0.99), eps=1e-6),
    "adam_amsgrad": partial(optim.Adam, lr=0.003, amsgrad=True),
    "adamw": partial(optim.AdamW, lr=0.005, weight_decay=0.05),
    "nadam": partial(optim.NAdam, lr=0.004),
    "radam": partial(optim.RAdam, lr=0.01),
    "adamax": partial(optim.Adamax, lr=0.01),
    "adagrad": partial(optim.Adagrad, lr=0.02, initial_accumulator_value=0.1),
    "adadelta": partial(optim.Adadelta, lr=1.0, rho=0.95),
    "rmsprop": partial(optim.RMSprop, lr=0.002, alpha=0.9, momentum=0.9),
    "rmsprop_centred": partial(optim.RMSprop, lr=0.002, centered=True),
    "rprop": partial(optim.Rprop, lr=0.001),
    "asgd": partial(optim.ASGD, lr=0.05),
    "adafactor": partial(optim.Adafactor, lr=0.02),
    "no_decay_on_norms_and_biases": no_decay_on_norms_and_biases,
    "no_decay_by_name": no_decay_by_name,
    "faster_head": faster_head,
    "rate_falls_with_depth": rate_falls_with_depth,
    "plain_list": plain_list,
    "generator": generator,
    "from_a_dictionary": from_a_dictionary,
}
OPTIMIZER_RECIPES = {f"optimizer_{name}": with_options(optimizer=build) for name, build in OPTIMIZERS.items()} | {
    "smoothed_labels_and_averaged_weights": with_options(label_smoothing=0.1, average="ema", average_decay=0.99),
    "clipped_gradients": with_options(clip_norm=1.0),
}
