"""Which operators the kernels cover, and the instructions that compute them forwards and backwards.

`LAYERS` maps an operator's name to what makes a `KernelLayer` of a call, or None where its arguments are not covered.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from course.kernels import classification, copying, pooling
from course.kernels.convolution import MAX_STRIDE, Convolution
from course.kernels.instructions import Instruction
from course.kernels.pointwise import BatchNorm, Draw, Dropout, Pointwise, Steps, sum_channels
from course.network.batches import Batch, Memory

MAX_WEIGHTS = 2**20  # the gradient of each is summed up in vectors of its own


@dataclass(frozen=True)
class KernelLayer:
    """One or more calls that kernels compute. `backward` adds to the gradients of what the layer reads.

    `backward` is asked once, when `output.gradient` is complete; it may write over that gradient.
    """

    output: Batch
    forward: list[Instruction]
    backward: Callable[[Tensor], list[Instruction]]
    draws: tuple[Draw, ...] = ()


@dataclass(frozen=True)
class Tail:
    """What follows a layer's operator and is computed with it."""

    relu: bool = False
    dropout: tuple[Dropout, float] | None = None  # which of "numbers" and "channels" are dropped, and the probability

    def steps(self, affine: bool) -> Steps:
        return Steps(affine, self.relu, "" if self.dropout is None else self.dropout[0])

    def draw(self) -> Draw | None:
        return None if self.dropout is None else Draw.with_probability(self.dropout[1])


@dataclass(frozen=True)
class Context:
    """Where layers are made: for `images` images, in training mode or not, with buffers from `memory`."""

    images: int
    training: bool
    memory: Memory

    def new(self, like: Batch, *shape: int, needs_gradient: bool | None = None) -> Batch:
        """A value of another shape per image."""
        needs = like.needs_gradient if needs_gradient is None else needs_gradient
        blocks = self.memory.take(len(like.blocks), *shape, like.blocks.shape[-1])
        return Batch(blocks, needs and self.training)


Arguments = Mapping[str, Any]  # by the names of the operator's schema; values of the graph are Batch or Tensor


def is_weight(value: object) -> bool:
    """Whether it is a parameter or buffer that kernels can read."""
    return isinstance(value, Tensor) and value.dtype == torch.float32 and value.is_contiguous() and value.numel() > 0


def _gradient_of(weight: Tensor) -> Tensor:
    """Where a weight's gradient is added up; memory that nobody reads if it is not trained."""
    return torch.zeros_like(weight) if weight.grad is None else weight.grad


# ---- convolution and dense layers


def _conv2d(context: Context, arguments: Arguments, tail: Tail) -> KernelLayer | None:
    x, weight, bias, groups = (arguments[name] for name in ("input", "weight", "bias", "groups"))
    stride, dilation = _pair(arguments["stride"]), _pair(arguments["dilation"])
    if not isinstance(x, Batch) or len(x.shape) != 3 or not is_weight(weight) or weight.dim() != 4:
        return None
    window = weight.shape[2:]
    padding = _padding(arguments["padding"], window)
    if padding is None or stride is None or dilation != (1, 1) or not 1 <= min(stride) <= max(stride) <= MAX_STRIDE:
        return None
    if any(not 0 <= pad < size for pad, size in zip(padding, window, strict=True)):
        return None
    if type(groups) is not int or groups < 1 or len(weight) % groups or x.shape[0] != groups * weight.shape[1]:
        return None
    conv = Convolution(stride, padding, groups)
    fits = min(conv.output_size(x.shape[1:], window)) > 0
    return _convolution_layer(context, conv, x, weight, bias) if fits else None


def _linear(context: Context, arguments: Arguments, tail: Tail) -> KernelLayer | None:
    x, weight, bias = arguments["input"], arguments["weight"], arguments["bias"]
    if not isinstance(x, Batch) or not is_weight(weight) or weight.shape[1:] != x.shape:
        return None
    return _convolution_layer(context, Convolution(), x, weight, bias)


def _convolution_layer(
    context: Context, conv: Convolution, x: Batch, weight: Tensor, bias: Tensor | None
) -> KernelLayer | None:
    """A dense layer is a convolution of one pixel."""
    if weight.numel() > MAX_WEIGHTS or not (bias is None or (is_weight(bias) and bias.shape == weight.shape[:1])):
        return None
    is_dense = weight.dim() == 2

    def pixels(tensor: Tensor) -> Tensor:
        return tensor[..., None, None, :] if is_dense else tensor

    window = weight.detach()[..., None, None] if is_dense else weight.detach()
    out_size = conv.output_size(pixels(x.blocks).shape[2:4], window.shape[2:])
    trained = weight.requires_grad or (bias is not None and bias.requires_grad)
    y = context.new(x, len(weight), *(() if is_dense else out_size), needs_gradient=x.needs_gradient or trained)

    def backward(dy: Tensor) -> list[Instruction]:
        instructions = []
        if weight.grad is not None:
            dweight = weight.grad[..., None, None] if is_dense else weight.grad
            instructions += conv.backward_weight(pixels(x.blocks), pixels(dy), dweight)
        if bias is not None and bias.grad is not None:
            instructions += sum_channels(dy, bias.grad)
        instructions += x.add_gradient(context.memory, lambda dx: conv.backward_input(pixels(dy), window, pixels(dx)))
        return instructions

    forward = conv.forward(pixels(x.blocks), window, None if bias is None else bias.detach(), pixels(y.blocks))
    return KernelLayer(y, forward, backward)


def _padding(padding: object, window: Sequence[int]) -> tuple[int, int] | None:
    """(vertical, horizontal) from PyTorch's numbers or words; None where it differs from side to side."""
    if padding == "valid":
        return (0, 0)
    if padding == "same":
        return None if any(size % 2 == 0 for size in window) else (window[0] // 2, window[1] // 2)
    return _pair(padding)


def _pair(option: object) -> tuple[int, int] | None:
    """An option for both directions as (vertical, horizontal), as PyTorch reads it; None if it is anything else."""
    values = option if isinstance(option, list | tuple) else (option,)
    if len(values) not in (1, 2) or any(type(value) is not int for value in values):
        return None
    return values[0], values[-1]


# ---- batch norm, ReLU, dropout


def _batch_norm(context: Context, arguments: Arguments, tail: Tail) -> KernelLayer | None:
    x, training = arguments["input"], arguments["training"]
    per_channel = [arguments[name] for name in ("weight", "bias", "running_mean", "running_var")]
    weight, bias, mean, var = per_channel
    if not isinstance(x, Batch) or not all(tensor is None or is_weight(tensor) for tensor in per_channel):
        return None
    if any(tensor is not None and tensor.shape != x.shape[:1] for tensor in per_channel):
        return None
    if type(arguments["eps"]) is not float or type(arguments["momentum"]) not in (int, float):
        return None
    channels, count = x.shape[0], context.images * math.prod(x.shape[1:])
    if (mean is None) != (var is None) or (training and count < 2) or training != context.training:
        return None
    if mean is None and not training:
        return None
    trained = any(tensor is not None and tensor.requires_grad for tensor in (weight, bias))
    weight = torch.ones(channels) if weight is None else weight
    bias = torch.zeros(channels) if bias is None else bias
    running = (torch.zeros(channels), torch.ones(channels)) if mean is None else (mean, var)
    options = float(arguments["eps"]), float(arguments["momentum"])
    draw = tail.draw()
    norm = BatchNorm(context.images, tail.steps(affine=True), draw, weight.detach(), bias.detach(), running, options)
    y = context.new(x, *x.shape, needs_gradient=x.needs_gradient or trained)

    def backward(dy: Tensor) -> list[Instruction]:
        gradients = _gradient_of(weight), _gradient_of(bias)
        if not x.needs_gradient:
            return norm.backward(x.blocks, dy, None, *gradients)
        return x.add_gradient(context.memory, lambda dx: norm.backward(x.blocks, dy, dx, *gradients), free=dy)

    draws = () if draw is None else (draw,)
    return KernelLayer(y, norm.forward(x.blocks, y.blocks, training), backward, draws)


def _pointwise(context: Context, arguments: Arguments, tail: Tail) -> KernelLayer | None:
    """ReLU and dropout, which `tail` has."""
    x = next(iter(arguments.values()))
    if not isinstance(x, Batch):
        return None
    draw = tail.draw()
    pointwise = Pointwise(context.images, tail.steps(affine=False), draw)
    y = context.new(x, *x.shape)

    def backward(dy: Tensor) -> list[Instruction]:
        return x.add_gradient(context.memory, lambda dx: pointwise.backward(x.blocks, dy, dx), free=dy)

    return KernelLayer(y, pointwise.forward(x.blocks, y.blocks), backward, () if draw is None else (draw,))


# ---- pooling


def _max_pool2d(context: Context, arguments: Arguments, tail: Tail) -> KernelLayer | None:
    window = _pair(arguments["kernel_size"])
    if window is None or not _covers_side_by_side(arguments, window) or not 1 < math.prod(window) <= pooling.MAX_WINDOW:
        return None
    return _pool(context, arguments, window, pooling.max_pool, pooling.max_pool_backward)


def _avg_pool2d(context: Context, arguments: Arguments, tail: Tail) -> KernelLayer | None:
    window = _pair(arguments["kernel_size"])
    if window is None or not _covers_side_by_side(arguments, window) or arguments["divisor_override"] is not None:
        return None
    return _mean_pool(context, arguments["self"], window)


def _adaptive_avg_pool2d(context: Context, arguments: Arguments, tail: Tail) -> KernelLayer | None:
    x, sizes = arguments["self"], _pair(arguments["output_size"])
    if not isinstance(x, Batch) or len(x.shape) != 3 or sizes is None or min(sizes) < 1:
        return None
    if any(a % b for a, b in zip(x.shape[1:], sizes, strict=True)):
        return None
    return _mean_pool(context, x, tuple(a // b for a, b in zip(x.shape[1:], sizes, strict=True)))


def _mean(context: Context, arguments: Arguments, tail: Tail) -> KernelLayer | None:
    x, dims = arguments["self"], arguments["dim"]
    if not isinstance(x, Batch) or len(x.shape) != 3 or dims is None or arguments["dtype"] is not None:
        return None
    if sorted(dim % 4 for dim in dims) != [2, 3]:
        return None
    layer = _mean_pool(context, x, x.shape[1:])
    return layer if arguments["keepdim"] or layer is None else _viewed(layer, x.shape[:1])


def _mean_pool(context: Context, x: object, window: tuple[int, ...]) -> KernelLayer | None:
    return _pool(context, {"self": x}, window, pooling.mean_pool, _without_values(pooling.mean_pool_backward))


def _without_values(backward: Callable[..., list[Instruction]]) -> Callable[..., list[Instruction]]:
    return lambda x, y, dy, dx, window: backward(dy, dx, window)


def _covers_side_by_side(arguments: Arguments, window: tuple[int, int]) -> bool:
    """Whether the windows lie side by side, inside the images."""
    x = arguments["self"]
    if not isinstance(x, Batch) or len(x.shape) != 3 or min(window) < 1:
        return False
    stride = _pair(arguments["stride"] or window)
    has_rest = any(size % length for size, length in zip(x.shape[1:], window, strict=True))
    return (
        (stride, _pair(arguments["padding"]), _pair(arguments.get("dilation", 1))) == (window, (0, 0), (1, 1))
        and all(size >= length for size, length in zip(x.shape[1:], window, strict=True))
        and not (arguments["ceil_mode"] and has_rest)
    )


def _pool(
    context: Context,
    arguments: Arguments,
    window: tuple[int, ...],
    forward: Callable[..., list[Instruction]],
    backward: Callable[..., list[Instruction]],
) -> KernelLayer | None:
    x: Batch = arguments["self"]
    y = context.new(x, x.shape[0], *(size // length for size, length in zip(x.shape[1:], window, strict=True)))

    def backward_layer(dy: Tensor) -> list[Instruction]:
        return x.add_gradient(context.memory, lambda dx: backward(x.blocks, y.blocks, dy, dx, window))

    return KernelLayer(y, forward(x.blocks, y.blocks, window), backward_layer)


# ---- shapes, sums, the last layer


def view(context: Context, x: Batch, shape: Sequence[int]) -> KernelLayer:
    """The same numbers in another shape per image, in the same memory."""
    y = Batch(x.blocks.view(len(x.blocks), *shape, x.blocks.shape[-1]), x.needs_gradient)

    def backward(dy: Tensor) -> list[Instruction]:
        if x.needs_gradient and x.gradient is None:
            x.gradient = dy.view(x.blocks.shape)
            return []
        return x.add_gradient(context.memory, lambda dx: copying.copy(dy.view(dx.shape), dx))

    return KernelLayer(y, [], backward)


def _viewed(layer: KernelLayer, shape: Sequence[int]) -> KernelLayer:
    """The layer with another shape of its output per image."""
    y, whole = layer.output, layer.output.blocks.shape
    viewed = Batch(y.blocks.view(len(y.blocks), *shape, whole[-1]), y.needs_gradient)
    return KernelLayer(viewed, layer.forward, lambda dy: layer.backward(dy.view(whole)), layer.draws)


def _add(context: Context, arguments: Arguments, tail: Tail) -> KernelLayer | None:
    a, b = arguments["self"], arguments["other"]
    if not (isinstance(a, Batch) and isinstance(b, Batch) and a.shape == b.shape and arguments["alpha"] == 1):
        return None
    y = context.new(a, *a.shape, needs_gradient=a.needs_gradient or b.needs_gradient)

    def backward(dy: Tensor) -> list[Instruction]:
        first = a.add_gradient(context.memory, lambda dx: copying.copy(dy, dx))
        return first + b.add_gradient(context.memory, lambda dx: copying.copy(dy, dx))

    return KernelLayer(y, copying.add(a.blocks, b.blocks, y.blocks), backward)


def _cat(context: Context, arguments: Arguments, tail: Tail) -> KernelLayer | None:
    parts, dim = arguments["tensors"], arguments["dim"]
    if not parts or not all(isinstance(part, Batch) for part in parts) or dim % (1 + len(parts[0].shape)) != 1:
        return None
    if any(part.shape[1:] != parts[0].shape[1:] for part in parts):
        return None
    channels = [part.shape[0] for part in parts]
    needs = any(part.needs_gradient for part in parts)
    y = context.new(parts[0], sum(channels), *parts[0].shape[1:], needs_gradient=needs)
    forward: list[Instruction] = []
    for part, slice_ in zip(parts, y.blocks.split(channels, 1), strict=True):
        forward += copying.copy(part.blocks, slice_)

    def backward(dy: Tensor) -> list[Instruction]:
        instructions: list[Instruction] = []
        for part, slice_ in zip(parts, dy.split(channels, 1), strict=True):
            instructions += part.add_gradient(context.memory, partial(copying.copy, slice_))
        return instructions

    return KernelLayer(y, forward, backward)


def _log_softmax(context: Context, arguments: Arguments, tail: Tail) -> KernelLayer | None:
    x = arguments["self"]
    if not isinstance(x, Batch) or math.prod(x.shape[1:]) != 1 or arguments["dtype"] is not None:
        return None
    return log_softmax(context, x) if arguments["dim"] % (1 + len(x.shape)) == 1 else None


def log_softmax(context: Context, x: Batch) -> KernelLayer:
    y = context.new(x, *x.shape)

    def backward(dy: Tensor) -> list[Instruction]:
        return x.add_gradient(context.memory, lambda dx: classification.log_softmax_backward(y.blocks, dy, dx), free=dy)

    return KernelLayer(y, classification.log_softmax(x.blocks, y.blocks), backward)


MakeLayer = Callable[[Context, Arguments, Tail], KernelLayer | None]
LAYERS: dict[str, MakeLayer] = {
    "aten.conv2d.default": _conv2d,
    "aten.conv2d.padding": _conv2d,
    "aten.linear.default": _linear,
    "aten.batch_norm.default": _batch_norm,
    "aten.relu.default": _pointwise,
    "aten.relu_.default": _pointwise,
    "aten.dropout.default": _pointwise,
    "aten.dropout_.default": _pointwise,
    "aten.feature_dropout.default": _pointwise,
    "aten.max_pool2d.default": _max_pool2d,
    "aten.avg_pool2d.default": _avg_pool2d,
    "aten.adaptive_avg_pool2d.default": _adaptive_avg_pool2d,
    "aten.mean.dim": _mean,
    "aten.add.Tensor": _add,
    "aten.add_.Tensor": _add,
    "aten.cat.default": _cat,
    "aten.log_softmax.int": _log_softmax,
}
# they give the same numbers in the same order
VIEWS = frozenset(
    f"aten.{name}"
    for name in (
        "view.default reshape.default _unsafe_view.default flatten.using_ints squeeze.default squeeze.dim squeeze.dims "
        "unsqueeze.default contiguous.default alias.default clone.default unflatten.int"
    ).split()
)
