"""Convolution with the batch innermost: what PyTorch's gives in double precision, and its gradients."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from course.network import kernels
from course.network.kernels import convolution, vectors


@st.composite
def convolutions(draw, most_channels: int = 9) -> tuple[tuple[torch.Tensor, ...], tuple]:
    """(images, weight, bias or None) in double precision, and (stride, padding, dilation, groups)."""
    groups = draw(st.sampled_from([1, 1, 1, 2, 3]))
    ins, outs = (groups * draw(st.integers(1, most_channels)) for _ in range(2))
    window, padding, stride = (
        (draw(st.integers(least, most)), draw(st.integers(least, most))) for least, most in ((1, 5), (0, 3), (1, 3))
    )
    size = [draw(st.integers(max(1, side - 2 * pad), 9)) for side, pad in zip(window, padding, strict=True)]
    generator = torch.Generator().manual_seed(draw(st.integers(0, 999)))
    images, weight, bias = (
        torch.randn(shape, generator=generator, dtype=torch.float64)
        for shape in ((draw(st.integers(1, 40)), ins, *size), (outs, ins // groups, *window), (outs,))
    )
    return (images, weight, bias if draw(st.booleans()) else None), (stride, padding, (1, 1), groups)


def with_gradients(function, tensors, options, dtype) -> list[torch.Tensor]:
    """The output, and the gradients of images, weight and bias."""
    tensors = [t if t is None else t.clone().to(dtype).requires_grad_() for t in tensors]
    out = function(*tensors, *options)
    (out * torch.linspace(-1, 1, out.numel(), dtype=dtype).view(out.shape)).sum().backward()
    return [out.detach(), *[t.grad for t in tensors if t is not None]]


def compare(tensors, options) -> None:
    theirs = with_gradients(torch.ops.aten.conv2d.default, tensors, options, torch.float64)
    ours = with_gradients(kernels.conv2d, tensors, options, torch.float32)
    images, weight = tensors[0], tensors[1]
    # sums of so many products of numbers of about 1, each rounded
    terms = weight[0].numel(), weight[:, 0].numel(), theirs[0][:, 0].numel(), theirs[0][:, 0].numel()
    for one, other, count in zip(ours, theirs, terms, strict=False):
        assert one.shape == other.shape
        assert (one - other).abs().max() <= 1e-6 * (5 + math.sqrt(count)) * max(1.0, float(images.abs().max()))


@settings(max_examples=150)
@given(convolutions())
def test_a_convolution_and_its_gradients_are_pytorchs_for_any_shape_stride_padding_and_groups(case):
    compare(*case)


@settings(max_examples=20)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 70))
def test_any_number_of_channels_and_images_is_covered(ins, outs, count):
    draw = torch.Generator().manual_seed(ins)
    images = torch.randn(count, ins, 5, 4, generator=draw, dtype=torch.float64)
    weight = torch.randn(outs, ins, 3, 3, generator=draw, dtype=torch.float64)
    compare((images, weight, None), ((1, 1), (1, 1), (1, 1), 1))


@settings(max_examples=40)
@given(convolutions(), st.data())
def test_an_image_has_the_same_output_bit_for_bit_wherever_it_stands_in_a_batch(case, data):
    (images, weight, bias), options = case
    images, weight = images.float(), weight.float()
    bias = bias if bias is None else bias.float()
    assume(convolution._covers(images, weight, bias, *options))  # PyTorch's promise nothing of the kind
    order = torch.tensor(data.draw(st.permutations(range(len(images)))))
    part = data.draw(st.integers(1, len(images)))
    whole = kernels.conv2d(images, weight, bias, *options)
    assert torch.equal(kernels.conv2d(images[order[:part]], weight, bias, *options), whole[order[:part]])


@settings(max_examples=100)
@given(st.integers(1, 500), st.integers(1, 12))
def test_blocks_of_channels_are_nearly_equal_and_cover_each_once(channels, most):
    blocks = convolution._blocks(channels, most)
    sizes = [size for _, count, size in blocks for _ in range(count)]
    firsts = [first + n * size for first, count, size in blocks for n in range(count)]
    assert sum(sizes) == channels and max(sizes) <= most and max(sizes) - min(sizes) <= 1
    assert firsts == [sum(sizes[:n]) for n in range(len(sizes))]


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("part", [slice(None), slice(1, 4)])
def test_it_does_not_matter_how_images_and_gradients_lie_in_memory(layout, part):
    images = torch.randn(7, 6, 5, 5).contiguous(memory_format=layout)[:, part]
    weight = torch.randn(4, images.shape[1], 3, 3).contiguous(memory_format=layout)
    tensors, options = (images.double(), weight.double(), None), ((1, 1), (1, 1), (1, 1), 1)
    compare(tensors, options)
    out = kernels.conv2d(images.requires_grad_(), weight)
    out.mean((2, 3)).sum().backward()  # a gradient that is one number repeated
    alike = torch.autograd.functional.jacobian(
        lambda x: torch.nn.functional.conv2d(x, weight).mean((2, 3)).sum(), images.detach()
    )
    assert torch.allclose(images.grad, alike, atol=1e-5)


def test_what_is_written_into_the_output_is_seen_by_autograd():
    images, weight = torch.randn(3, 2, 5, 5), torch.randn(4, 2, 3, 3)
    one, other = weight.clone().requires_grad_(), weight.clone().requires_grad_()
    kernels.conv2d(images, one).relu_().sum().backward()
    torch.conv2d(images, other).relu_().sum().backward()
    assert torch.allclose(one.grad, other.grad, rtol=1e-4, atol=1e-4)


def test_what_is_not_a_number_spreads_as_far_as_the_window_and_no_further():
    images = torch.zeros(20, 2, 7, 7)
    images[17, 1, 3, 3] = math.nan
    found = kernels.conv2d(images, torch.ones(3, 2, 3, 3), padding=1).isnan()
    assert found[17, :, 2:5, 2:5].all() and found.sum() == 3 * 9


@pytest.mark.parametrize("odd", ["dilation", "double", "one image", "too large a window", "other channels"])
def test_what_is_not_covered_is_pytorchs_to_compute_or_to_refuse(odd):
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
        found = kernels.conv2d(images, weight, **options)
        assert torch.allclose(found, torch.nn.functional.conv2d(images, weight, **options), atol=1e-5)


def narrower(lanes: int, registers: int):
    """A processor as narrow as that; its instructions are this one's."""
    machine = vectors._machine()[0]
    return lambda: (machine, lanes, registers)


@pytest.mark.parametrize("lanes, registers", [(4, 16), (4, 32), (8, 16)])
def test_a_processor_with_shorter_vectors_computes_the_same(monkeypatch, lanes, registers):
    monkeypatch.setattr(vectors, "_machine", narrower(lanes, registers))
    loops = convolution._forward, convolution._of_weights
    for compiled in loops:
        compiled.cache_clear()
    try:
        draw = torch.Generator().manual_seed(lanes)
        for count in (1, 2 * lanes - 1, 5 * lanes + 3):
            images = torch.randn(count, 7, 6, 6, generator=draw, dtype=torch.float64)
            weight = torch.randn(13, 7, 3, 3, generator=draw, dtype=torch.float64)
            compare((images, weight, weight[:, 0, 0, 0]), ((2, 1), (1, 1), (1, 1), 1))
    finally:
        for compiled in loops:
            compiled.cache_clear()


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("kind", [torch.tensor, float, bool])
def test_only_whole_numbers_are_options_a_tensor_could_change_before_the_backward_pass(place, kind):
    options = [(1, 1), (0, 0), (1, 1), 1]
    options[place] = kind(1) if place == 3 else (kind(options[place][0]), options[place][1])
    assert not convolution._covers(torch.ones(16, 4, 5, 5), torch.ones(4, 4, 1, 1), None, *options)


def test_a_padding_as_wide_as_the_window_is_not_covered_since_it_would_cost_memory_without_bound():
    images, weight = torch.ones(2, 1, 28, 28), torch.ones(1, 1, 28, 28)
    assert convolution._covers(images, weight, None, (2000, 2000), (27, 27), (1, 1), 1)
    assert not convolution._covers(images, weight, None, (2000, 2000), (28, 27), (1, 1), 1)
