"""Optimizers whose step takes every number that changes from the device, and reads none of them back.

PyTorch's `capturable` optimizers count their steps on the device, but read back options that are tensors: momentum,
betas, weight decay, and for SGD the learning rate as well. `DeviceSGD` and `DeviceAdam` compute what PyTorch's SGD,
Adam and AdamW compute, but for rounding, and keep their states, with any of these options as tensors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

Tensors = list[Tensor]
_RATE = frozenset({"lr"})
# optimizer -> the options that may be tensors; tests run each with fake tensors, which raise where a number is read
TENSOR_OPTIONS: dict[str, frozenset[str]] = {
    "SGD": frozenset({"lr", "momentum", "weight_decay"}),
    "Adam": frozenset({"lr", "betas", "weight_decay"}),
    "AdamW": frozenset({"lr", "betas", "weight_decay"}),
    **dict.fromkeys(("NAdam", "RAdam", "Adamax", "ASGD"), _RATE),
    **dict.fromkeys(("Adadelta", "RMSprop", "Rprop"), frozenset()),
}


class DeviceSGD(torch.optim.SGD):
    """`torch.optim.SGD` without reading options that are tensors, of shape ()."""

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # no step here has a closure
        for group, parameters, gradients in _groups_with_gradients(self):
            if _is_used(decay := group["weight_decay"]):
                gradients = _plus(gradients, _times(parameters, decay))
            if _is_used(group["momentum"]):
                gradients = self._with_momentum(group, parameters, gradients)
            torch._foreach_sub_(parameters, _times(gradients, group["lr"]))

    def _with_momentum(self, group: dict[str, Any], parameters: Tensors, gradients: Tensors) -> Tensors:
        if "momentum_buffer" in self.state[parameters[0]]:
            buffers = [self.state[parameter]["momentum_buffer"] for parameter in parameters]
            torch._foreach_copy_(buffers, _times(buffers, group["momentum"]))
            torch._foreach_add_(buffers, gradients, alpha=1 - group["dampening"])
        else:
            buffers = [gradient.clone() for gradient in gradients]
            for parameter, buffer in zip(parameters, buffers, strict=True):
                self.state[parameter]["momentum_buffer"] = buffer
        return _plus(gradients, _times(buffers, group["momentum"])) if group["nesterov"] else buffers


class DeviceAdam(torch.optim.Adam):
    """`torch.optim.Adam` without `amsgrad`, without reading options that are tensors, of shape ().

    It is AdamW where its groups say `decoupled_weight_decay`.
    """

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # no step here has a closure
        for group, parameters, gradients in _groups_with_gradients(self):
            steps, means, squares = self._moments(parameters)
            rate, (beta1, beta2), decay = group["lr"], group["betas"], group["weight_decay"]
            if _is_used(decay) and group["decoupled_weight_decay"]:
                torch._foreach_copy_(parameters, _times(parameters, 1 - rate * decay))
            elif _is_used(decay):
                gradients = _plus(gradients, _times(parameters, decay))
            torch._foreach_add_(steps, 1)
            torch._foreach_copy_(means, _plus(_times(means, beta1), _times(gradients, 1 - beta1)))
            of_squares = _times(list(torch._foreach_mul(gradients, gradients)), 1 - beta2)
            torch._foreach_copy_(squares, _plus(_times(squares, beta2), of_squares))
            # all parameters of a group have taken equally many steps
            taken = steps[0].double()
            denominators = _times(list(torch._foreach_sqrt(squares)), 1 / (1 - beta2**taken).sqrt())
            updates = list(torch._foreach_div(means, _plus_number(denominators, group["eps"])))
            torch._foreach_sub_(parameters, _times(updates, rate / (1 - beta1**taken)))

    def _moments(self, parameters: Tensors) -> tuple[Tensors, Tensors, Tensors]:
        """The number of steps, the mean of gradients and of their squares, of each parameter."""
        for parameter in parameters:
            if not (state := self.state[parameter]):
                state["step"] = torch.zeros((), device=parameter.device)
                state["exp_avg"] = torch.zeros_like(parameter)
                state["exp_avg_sq"] = torch.zeros_like(parameter)
        states = [self.state[parameter] for parameter in parameters]
        steps, means, squares = ([state[name] for state in states] for name in ("step", "exp_avg", "exp_avg_sq"))
        return steps, means, squares


DEVICE_OPTIMIZERS: dict[str, type[torch.optim.Optimizer]] = {
    "SGD": DeviceSGD,
    "Adam": DeviceAdam,
    "AdamW": DeviceAdam,
}


def device_problem(name: str, groups: Sequence[Mapping[str, Any]], scheduled: set[str]) -> str:
    """Why the optimizer's step cannot stay on the device, as the end of a sentence; empty if it can.

    `groups` has the options of each parameter group, `scheduled` the options that change during a run.
    """
    amsgrad = any(options.get("amsgrad") for options in groups)
    if name not in TENSOR_OPTIONS or amsgrad:
        return f"{name}{' with amsgrad' * amsgrad} counts its steps on the host"
    if read := sorted(scheduled - TENSOR_OPTIONS[name]):
        return f"{name} reads {', '.join(read)} on the host, and the schedule changes it"
    return ""


def device_options(name: str) -> dict[str, Any]:
    """What the constructor of the optimizer is given, unless the recipe gives it."""
    if name in DEVICE_OPTIMIZERS:
        return {"decoupled_weight_decay": True, "weight_decay": 0.01} if name == "AdamW" else {}
    return {"capturable": True}


def as_tensor_option(value: Any, device: torch.device) -> Any:
    """An option as tensors of shape (), float64."""
    if isinstance(value, tuple | list):
        return tuple(as_tensor_option(number, device) for number in value)
    return torch.full((), float(value), dtype=torch.float64, device=device)


def _groups_with_gradients(optimizer: torch.optim.Optimizer) -> Iterator[tuple[dict[str, Any], Tensors, Tensors]]:
    """Each group that has any, with its parameters and their gradients, in the direction of descent."""
    for group in optimizer.param_groups:
        parameters = [parameter for parameter in group["params"] if parameter.grad is not None]
        gradients = [parameter.grad for parameter in parameters]
        if parameters:
            yield group, parameters, list(torch._foreach_neg(gradients)) if group["maximize"] else gradients


def _plus(first: Tensors, second: Tensors) -> Tensors:
    return list(torch._foreach_add(first, second))


def _plus_number(tensors: Tensors, number: float) -> Tensors:
    return list(torch._foreach_add(tensors, number))


def _times(tensors: Tensors, number: float | Tensor) -> Tensors:
    """Each tensor times one number. As a tensor it is cast first: one launch then serves all."""
    if isinstance(number, Tensor):
        return list(torch._foreach_mul(tensors, number.to(tensors[0].dtype)))
    return list(torch._foreach_mul(tensors, number))


def _is_used(option: float | Tensor) -> bool:
    return isinstance(option, Tensor) or option != 0
