"""Layers are listed with shape, parameters and receptive field."""

from __future__ import annotations

import pytest
import torch

from course.capture import capture
from course.inspection.checks import inspect
from course.inspection.layers import list_layers
from course.spec import Spec
from tests.support.networks import SEED_COUNTS, captured, middle


def fields(spec: Spec, *operators: str) -> list[int]:
    return [layer.receptive_field for layer in list_layers(spec.network) if layer.operator in operators]


@pytest.mark.parametrize("name", SEED_COUNTS)
def test_the_published_models_see_the_whole_image_in_the_end(name):
    assert fields(captured(name), "conv2d", "max_pool2d", "avg_pool2d") == [3, 5, 7, 8, 12, 16, 20, 24, 28]
    assert inspect(captured(name)).receptive_field == 28


FIELDS = {
    "strided_convolution": [3, 7, 28],
    "dilated_convolution": [3, 11, 28],
    "depthwise_separable": [3, 7, 7, 28],
    "cat_of_branches": [3, 3, 7, 11, 28],
    "residual": [3, 7, 11, 28],
    "pixel_unshuffle_stem": [12, 28],
    "squeeze_and_excite": [3, 28],
}


@pytest.mark.parametrize("name", FIELDS)
def test_the_receptive_field_grows_by_kernel_dilation_and_stride(name):
    assert fields(captured(name), "conv2d", "adaptive_avg_pool2d") == FIELDS[name]


def test_branches_that_are_joined_keep_the_larger_field():
    assert fields(captured("cat_of_branches"), "cat") == [11]


@pytest.mark.parametrize("name", ["einsum_attention", "multihead_attention"])
def test_attention_sees_everywhere(name):
    assert fields(captured(name), "einsum", "scaled_dot_product_attention")[0] == 28


def test_a_mean_over_channels_sees_no_further():
    spec = capture(middle(lambda self, x: x * torch.sigmoid(x.mean(dim=1, keepdim=True))))
    assert fields(spec, "mean", "sigmoid") == [3, 3]


def test_layers_show_shapes_names_and_their_own_parameters():
    first, *_ = list_layers(captured("model1").network)
    assert (first.name, first.operator, first.shape, first.parameters) == ("body.0", "conv2d", (10, 26, 26), 100)


def test_a_parameter_that_is_used_twice_belongs_to_its_first_layer():
    layers = list_layers(captured("a_module_used_twice").network)
    convolutions = [layer.parameters for layer in layers if layer.operator == "conv2d"]
    assert sum(layer.parameters for layer in layers) == inspect(captured("a_module_used_twice")).counted
    assert 0 in convolutions
