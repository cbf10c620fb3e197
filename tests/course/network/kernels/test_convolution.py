"""Convolution with the batch innermost: outputs and gradients as PyTorch computes them in double precision."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from course.network import kernels
from course.network.kernels import convolution, llvm_loops

UNIT_ROUNDOFF = 2.0**-24  # of float32
# torch.sum adds at most so many numbers one after the other: 4 levels of 16 vectors, then up to 64 partial sums
# (aten/src/ATen/native/cpu/SumKernel.cpp; for fewer than 2**16 vectors)
TORCH_SUM_DEPTH = 4 * 16 + 64


@st.composite
def convolutions(draw, max_channels: int = 9) -> tuple[tuple[torch.Tensor, ...], tuple]:
    """(images, weight, bias or None) in double precision, and (stride, padding, dilation, groups)."""
    groups = draw(st.sampled_from([1, 1, 1, 2, 3]))
    in_channels, out_channels = (groups * draw(st.integers(1, max_channels)) for _ in range(2))
    kernel, padding, stride = (
        (draw(st.integers(low, high)), draw(st.integers(low, high))) for low, high in ((1, 5), (0, 3), (1, 3))
    )
    size = [draw(st.integers(max(1, side - 2 * pad), 9)) for side, pad in zip(kernel, padding, strict=True)]
    generator = torch.Generator().manual_seed(draw(st.integers(0, 999)))
    images, weight, bias = (
        torch.randn(shape, generator=generator, dtype=torch.float64)
        for shape in (
            (draw(st.integers(1, 40)), in_channels, *size),
            (out_channels, in_channels // groups, *kernel),
            (out_channels,),
        )
    )
    return (images, weight, bias if draw(st.booleans()) else None), (stride, padding, (1, 1), groups)


def with_gradients(function, tensors, options, gradient) -> list[torch.Tensor]:
    """The output, and the gradients of images, weight and bias for the output's `gradient`."""
    tensors = [t if t is None else t.clone().requires_grad_() for t in tensors]
    out = function(*tensors, *options)
    out.backward(gradient)
    return [out.detach(), *[t.grad for t in tensors if t is not None]]


def channels_last_conv2d(images, *arguments):
    """PyTorch's operator as `kernels.conv2d` calls it for what it does not support."""
    return torch.ops.aten.conv2d.default(images.contiguous(memory_format=torch.channels_last), *arguments)


def compare(tensors, options) -> None:
    """Each number of the output and of the gradients is as close to the exact one as float32 sums promise.

    A sum of products in which each product passes through at most `depth` additions has an error of at most
    gamma(depth + 3) times the sum of the products' absolute values, gamma(k) = k u / (1 - k u), where both factors and
    the product are rounded as well (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1).
    """
    conv2d = torch.ops.aten.conv2d.default
    shape = conv2d(*tensors, *options).shape
    gradient = torch.linspace(-1, 1, shape.numel(), dtype=torch.float64).view(shape)
    single = [t if t is None else t.float() for t in tensors]
    computed = with_gradients(kernels.conv2d, single, options, gradient.float())
    if not convolution._is_supported(*single, *options):
        theirs = with_gradients(channels_last_conv2d, single, options, gradient.float())
        assert all(torch.equal(one, other) for one, other in zip(computed, theirs, strict=True))
        return
    exact = with_gradients(conv2d, tensors, options, gradient)
    sums = with_gradients(conv2d, [t if t is None else t.abs() for t in tensors], options, gradient.abs())
    for one, other, magnitude, depth in zip(computed, exact, sums, depths(tensors[1], shape), strict=False):
        assert one.shape == other.shape
        rounding = (depth + 3) * UNIT_ROUNDOFF
        assert bool(((one - other).abs() <= rounding / (1 - rounding) * magnitude).all())


def depths(weight: torch.Tensor, shape: torch.Size) -> tuple[int, int, int, int]:
    """How many additions a product passes through, at most: output, gradient of images, of weight and of bias."""
    batch, _, out_h, out_w = shape
    segment = max(1, convolution.SEGMENT // batch)
    # in a register along a segment of a row, then one segment after the other, then over the lanes of a vector
    in_register = min(segment, out_w) * math.ceil(batch / llvm_loops.lanes())
    weight_gradient = in_register + out_h * math.ceil(out_w / segment) + llvm_loops.lanes()
    return weight[0].numel() + 1, weight[:, 0].numel(), weight_gradient, TORCH_SUM_DEPTH


@settings(max_examples=150)
@given(convolutions())
def test_a_convolution_and_its_gradients_are_pytorchs_for_any_shape_stride_padding_and_groups(case):
    compare(*case)


@settings(max_examples=20)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 70))
def test_any_number_of_channels_and_images_is_supported(ins, outs, count):
    generator = torch.Generator().manual_seed(ins)
    images = torch.randn(count, ins, 5, 4, generator=generator, dtype=torch.float64)
    weight = torch.randn(outs, ins, 3, 3, generator=generator, dtype=torch.float64)
    compare((images, weight, None), ((1, 1), (1, 1), (1, 1), 1))


@settings(max_examples=40)
@given(convolutions(), st.data())
def test_an_image_has_the_same_output_bit_for_bit_at_any_place_in_any_batch(case, data):
    (images, weight, bias), options = case
    images, weight = images.float(), weight.float()
    bias = bias if bias is None else bias.float()
    assume(convolution._is_supported(images, weight, bias, *options))  # PyTorch promises nothing like it
    order = torch.tensor(data.draw(st.permutations(range(len(images)))))
    part = data.draw(st.integers(1, len(images)))
    whole = kernels.conv2d(images, weight, bias, *options)
    assert torch.equal(kernels.conv2d(images[order[:part]], weight, bias, *options), whole[order[:part]])


@settings(max_examples=100)
@given(st.integers(1, 500), st.integers(1, 12))
def test_blocks_of_channels_are_nearly_equal_and_cover_each_once(channels, max_size):
    blocks = convolution._channel_blocks(channels, max_size)
    sizes = [size for _, count, size in blocks for _ in range(count)]
    firsts = [first + n * size for first, count, size in blocks for n in range(count)]
    assert sum(sizes) == channels and max(sizes) <= max_size and max(sizes) - min(sizes) <= 1
    assert firsts == [sum(sizes[:n]) for n in range(len(sizes))]


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("part", [slice(None), slice(1, 4)])
def test_the_memory_layout_of_images_and_gradients_does_not_matter(layout, part):
    images = torch.randn(7, 6, 5, 5).contiguous(memory_format=layout)[:, part]
    weight = torch.randn(4, images.shape[1], 3, 3).contiguous(memory_format=layout)
    tensors, options = (images.double(), weight.double(), None), ((1, 1), (1, 1), (1, 1), 1)
    compare(tensors, options)
    out = kernels.conv2d(images.requires_grad_(), weight)
    out.mean((2, 3)).sum().backward()  # a gradient that is one number repeated
    expected = torch.autograd.functional.jacobian(
        lambda x: torch.nn.functional.conv2d(x, weight).mean((2, 3)).sum(), images.detach()
    )
    assert torch.allclose(images.grad, expected, atol=1e-5)


def test_autograd_sees_in_place_changes_of_the_output():
    images, weight = torch.randn(3, 2, 5, 5), torch.randn(4, 2, 3, 3)
    one, other = weight.clone().requires_grad_(), weight.clone().requires_grad_()
    kernels.conv2d(images, one).relu_().sum().backward()
    torch.conv2d(images, other).relu_().sum().backward()
    assert torch.allclose(one.grad, other.grad, rtol=1e-4, atol=1e-4)


def test_nan_spreads_as_far_as_the_window_and_no_further():
    images = torch.zeros(20, 2, 7, 7)
    images[17, 1, 3, 3] = math.nan
    is_nan = kernels.conv2d(images, torch.ones(3, 2, 3, 3), padding=1).isnan()
    assert is_nan[17, :, 2:5, 2:5].all() and is_nan.sum() == 3 * 9


@pytest.mark.parametrize("odd", ["dilation", "double", "one image", "too large a window", "other channels"])
def test_unsupported_arguments_are_computed_or_refused_by_pytorch(odd):
    images, weight, options = torch.randn(3, 2, 7, 7), torch.randn(4, 2, 3, 3), {}
    match odd:
        case "dilation":
            options = {"dilation": 2}
        case "double":
            images, weight = images.double(), weight.double()
        case "one image":
            images = images[0]
        case "too large a window":
            weight = torch.randn(4, 2, 9, 9)
        case "other channels":
            weight = torch.randn(4, 3, 3, 3)
    if odd in ("too large a window", "other channels"):
        with pytest.raises(RuntimeError):
            kernels.conv2d(images, weight)
    else:
        output = kernels.conv2d(images, weight, **options)
        assert torch.allclose(output, torch.nn.functional.conv2d(images, weight, **options), atol=1e-5)


def narrow_processor(lanes: int, registers: int):
    """This processor with fewer lanes and registers."""
    machine = llvm_loops._target_machine()[0]
    return lambda: (machine, lanes, registers)


@pytest.mark.parametrize("lanes, registers", [(4, 16), (4, 32), (8, 16)])
def test_a_processor_with_shorter_vectors_computes_the_same(monkeypatch, lanes, registers):
    monkeypatch.setattr(llvm_loops, "_target_machine", narrow_processor(lanes, registers))
    loops = convolution._forward_loops, convolution._weight_gradient_loops
    for compiled in loops:
        compiled.cache_clear()
    try:
        generator = torch.Generator().manual_seed(lanes)
        for count in (1, 2 * lanes - 1, 5 * lanes + 3):
            images = torch.randn(count, 7, 6, 6, generator=generator, dtype=torch.float64)
            weight = torch.randn(13, 7, 3, 3, generator=generator, dtype=torch.float64)
            compare((images, weight, weight[:, 0, 0, 0]), ((2, 1), (1, 1), (1, 1), 1))
    finally:
        for compiled in loops:
            compiled.cache_clear()


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("kind", [torch.tensor, float, bool])
def test_options_have_to_be_ints_because_a_tensor_could_change_before_the_backward_pass(place, kind):
    options = [(1, 1), (0, 0), (1, 1), 1]
    options[place] = kind(1) if place == 3 else (kind(options[place][0]), options[place][1])
    assert not convolution._is_supported(torch.ones(16, 4, 5, 5), torch.ones(4, 4, 1, 1), None, *options)


def test_a_padding_as_wide_as_the_kernel_is_not_supported_because_its_memory_would_be_unbounded():
    images, weight = torch.ones(2, 1, 28, 28), torch.ones(1, 1, 28, 28)
    assert convolution._is_supported(images, weight, None, (2000, 2000), (27, 27), (1, 1), 1)
    assert not convolution._is_supported(images, weight, None, (2000, 2000), (28, 27), (1, 1), 1)
