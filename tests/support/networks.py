"""Example networks: the three models of the lessons, and idioms that students write.

`IDIOMS` maps a name to a function that builds a network whose outputs are log-probabilities of shape (N, 10).
"""

from __future__ import annotations

import math
from functools import cache, partial

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations
from torch.optim import SGD

from course.capture import capture
from course.recipe import Recipe
from course.spec import Spec

# layer by layer: an integer is a 3x3 convolution of that width with batch norm and ReLU, a fraction is dropout
SEED_MODELS = {
    "model1": "10 8 0.01 8 pool 20 16 0.01 10",
    "model2": "10 10 0.1 10 pool 10 16 0.1 10",
    "model3": "10 10 10 pool 10 20 0.1 10",
}
SEED_COUNTS = {"model1": 8272, "model2": 6778, "model3": 7510}


class LogProbabilities(nn.Module):
    """log_softmax over the output of `body`, (N, 10) or (N, 10, 1, 1)."""

    def __init__(self, *body: nn.Module):
        super().__init__()
        self.body = nn.Sequential(*body)

    def forward(self, x):
        return F.log_softmax(self.body(x).flatten(1), dim=1)


def seed_model(name: str) -> nn.Module:
    body, in_channels = [], 1
    for layer in SEED_MODELS[name].split():
        if layer == "pool":
            body.append(nn.MaxPool2d(2))
        elif "." in layer:
            body.append(nn.Dropout(float(layer)))
        else:
            body += [nn.Conv2d(in_channels, int(layer), 3), nn.BatchNorm2d(int(layer)), nn.ReLU()]
            in_channels = int(layer)
    return LogProbabilities(*body, nn.Conv2d(10, 10, 3), nn.AvgPool2d(3))


def around(*middle: nn.Module, before: int = 4, after: int = 4) -> nn.Module:
    """`middle` between a strided convolution, which gives (N, before, 13, 13), and a head for `after` channels."""
    head = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(after, 10)
    return LogProbabilities(nn.Conv2d(1, before, 3, stride=2), *middle, *head)


class Functional(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(1, 6, 3), nn.Linear(6 * 6 * 6, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv(x)), 4)
        x = F.dropout(x, 0.2, training=self.training)
        return F.log_softmax(self.fc(x.view(x.size(0), -1)), dim=1)


class FixedView(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(1, 4, 5, stride=4), nn.Linear(4 * 6 * 6, 10)

    def forward(self, x):
        return self.fc(self.conv(x).view(-1, 4 * 6 * 6)).log_softmax(-1)


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())

    def forward(self, x):
        return F.relu(x + self.inner(x))


class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        self.branches = nn.ModuleList(nn.Conv2d(4, 2, k, padding=k // 2) for k in (1, 3, 5))

    def forward(self, x):
        return torch.cat([F.relu(branch(x)) for branch in self.branches], dim=1)


class SqueezeExcite(nn.Module):
    def __init__(self):
        super().__init__()
        self.down, self.up = nn.Linear(4, 2), nn.Linear(2, 4)

    def forward(self, x):
        gate = torch.sigmoid(self.up(F.relu(self.down(x.mean(dim=(2, 3))))))
        return x * gate[:, :, None, None]


class Swish(nn.Module):
    def __init__(self):
        super().__init__()
        self.beta = nn.Parameter(torch.ones(1))

    def forward(self, x):
        return x * torch.sigmoid(self.beta * x)


class ShapeIf(nn.Module):
    def __init__(self):
        super().__init__()
        self.even, self.odd = nn.Conv2d(4, 4, 2), nn.Conv2d(4, 4, 3)

    def forward(self, x):
        if x.dim() != 4:
            raise ValueError("images are needed")
        return self.even(x) if x.shape[-1] % 2 == 0 else self.odd(x)


class Loop(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(4, 4, 3, padding=1) for _ in range(3))

    def forward(self, x):
        for number, layer in enumerate(self.layers):
            x = F.leaky_relu(layer(x), 0.1 * (number + 1))
        return x


class Tied(nn.Module):
    """A dense layer and its transpose with one weight."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)
        self.second.weight = self.first.weight

    def forward(self, x):
        x = x.permute(0, 2, 3, 1)
        return self.second(torch.tanh(self.first(x))).permute(0, 3, 1, 2)


class MaxAndMean(nn.Module):
    def forward(self, x):
        return torch.cat((F.adaptive_max_pool2d(x, 1), F.adaptive_avg_pool2d(x, 1)), 1)


class EinsumAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Conv2d(4, 12, 1, bias=False)

    def forward(self, x):
        q, k, v = self.qkv(x).flatten(2).chunk(3, dim=1)
        weights = torch.einsum("bci,bcj->bij", q, k).div(math.sqrt(4)).softmax(-1)
        return torch.einsum("bij,bcj->bci", weights, v).reshape(x.shape) + x


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.attention = nn.LayerNorm(4), nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x):
        tokens = self.norm(x.flatten(2).transpose(1, 2))
        seen, _ = self.attention(tokens, tokens, tokens, need_weights=False)
        return x + seen.transpose(1, 2).reshape(x.shape)


class OwnParameters(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale, self.shift = nn.Parameter(torch.ones(4, 1, 1)), nn.Parameter(torch.zeros(4, 1, 1))
        self.mixing = nn.Parameter(torch.randn(4, 4) / 2)

    def forward(self, x):
        return torch.einsum("bchw,co->bohw", x * self.scale + self.shift, self.mixing)


class Sobel(nn.Module):
    def __init__(self):
        super().__init__()
        horizontal = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
        self.register_buffer("filters", torch.stack((horizontal, horizontal.t()))[:, None])

    def forward(self, x):
        return torch.cat((x, F.conv2d(x, self.filters, padding=1)), dim=1)


class Where(nn.Module):
    def forward(self, x):
        high = (x > x.mean(dim=(2, 3), keepdim=True)) & (x < 2.0)
        return torch.where(high, x, 0.1 * x)


class InPlace(nn.Module):
    """Writes into its input, which is the batch of images itself."""

    def forward(self, x):
        return x.mul_(0.5).add_(0.25)


class ConstantInForward(nn.Module):
    def forward(self, x):
        return x * torch.tensor([0.5, 1.0, 2.0, 4.0], device=x.device)[:, None, None]


class TensorAttribute(nn.Module):
    """A tensor that is neither parameter nor buffer."""

    def __init__(self):
        super().__init__()
        self.hidden = torch.tensor([0.5, 1.0, 2.0, 4.0])[:, None, None]

    def forward(self, x):
        return x * self.hidden


class Positions(nn.Module):
    """Adds two channels with the position of each pixel."""

    def forward(self, x):
        n, _, height, width = x.shape
        rows = torch.linspace(-1, 1, height, device=x.device)[None, None, :, None].expand(n, 1, height, width)
        columns = torch.arange(width, device=x.device, dtype=x.dtype).expand(n, 1, height, width) / width
        return torch.cat((x, rows, columns), dim=1)


class Noise(nn.Module):
    def forward(self, x):
        return x + 0.1 * torch.randn_like(x) if self.training else x


class OldStyleParameter(nn.Module):
    """Allocates uninitialised memory and fills it afterwards."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.Tensor(20, 4, 5, 5))
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        self.bias = nn.Parameter(torch.empty(20))
        with torch.no_grad():
            self.bias.uniform_(-0.1, 0.1)

    def forward(self, x):
        return F.conv2d(x, self.weight, self.bias)


class ForwardHook(nn.Module):
    """A hook that depends only on its input is part of the forward pass and is captured with it."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 1)
        self.conv.register_forward_hook(lambda module, inputs, output: output * 2 + 1)

    def forward(self, x):
        return self.conv(x)


class DeviceOfWeights(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 1)

    def forward(self, x):
        return self.conv(x.to(self.conv.weight.device).to(torch.float32).contiguous())


def initialised(**filling) -> nn.Module:
    net = around(nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4), nn.ReLU())

    def fill(module):
        if isinstance(module, nn.Conv2d | nn.Linear):
            for name, function in filling.items():
                function(getattr(module, name))

    return net.apply(fill)


def frozen() -> nn.Module:
    net = around(nn.Conv2d(4, 4, 3), nn.ReLU())
    net.body[0].weight.requires_grad_(False)
    return net


def shared_twice() -> nn.Module:
    block = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
    return around(block, block)


def frozen_batch_norm() -> nn.Module:
    norm = nn.BatchNorm2d(4, affine=False)
    norm.train = lambda mode=True: norm  # stays in eval mode
    norm.training = False
    return around(norm)


IDIOMS = {
    "sequential": partial(around, nn.ReLU()),
    "functional_dropout_and_view": Functional,
    "view_with_a_fixed_size": FixedView,
    "residual": lambda: around(Residual(), Residual()),
    "cat_of_branches": lambda: around(Branches(), after=6),
    "depthwise_separable": lambda: around(nn.Conv2d(4, 4, 3, groups=4, bias=False), nn.Conv2d(4, 8, 1), after=8),
    "squeeze_and_excite": lambda: around(SqueezeExcite()),
    "weight_norm_by_parametrization": lambda: around(parametrizations.weight_norm(nn.Conv2d(4, 4, 3))),
    "weight_norm_as_it_was": lambda: around(nn.utils.weight_norm(nn.Conv2d(4, 4, 3))),
    "lazy_modules": lambda: LogProbabilities(
        nn.LazyConv2d(4, 3, stride=3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(10)
    ),
    "custom_activation": lambda: around(Swish()),
    "if_on_a_shape": lambda: around(ShapeIf()),
    "loop_over_a_module_list": lambda: around(Loop()),
    "a_module_used_twice": shared_twice,
    "tied_weights": lambda: around(Tied()),
    "frozen_parameters": frozen,
    "prelu": lambda: around(nn.PReLU(4)),
    "group_norm": lambda: around(nn.GroupNorm(2, 4)),
    "layer_norm": lambda: around(nn.LayerNorm([4, 13, 13])),
    "instance_norm": lambda: around(nn.InstanceNorm2d(4, affine=True)),
    "instance_norm_with_statistics": lambda: around(nn.InstanceNorm2d(4, track_running_stats=True)),
    "batch_norm_without_affine": lambda: around(nn.BatchNorm2d(4, affine=False, momentum=0.3, eps=1e-3)),
    "batch_norm_that_is_frozen": frozen_batch_norm,
    "dropout2d": lambda: around(nn.Dropout2d(0.25)),
    "alpha_dropout": lambda: around(nn.SELU(), nn.AlphaDropout(0.1)),
    "random_relu": lambda: around(nn.RReLU()),
    "noise_in_training_only": lambda: around(Noise()),
    "strided_convolution": lambda: around(nn.Conv2d(4, 4, 3, stride=2, padding=1)),
    "dilated_convolution": lambda: around(nn.Conv2d(4, 4, 3, dilation=2, padding="same")),
    "transposed_convolution": lambda: around(nn.ConvTranspose2d(4, 4, 2, stride=2)),
    "global_pool_and_1x1_head": lambda: LogProbabilities(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 10, 1)
    ),
    "max_and_mean_pooling": lambda: around(MaxAndMean(), after=8),
    "einsum_attention": lambda: around(EinsumAttention()),
    "multihead_attention": lambda: around(Attention()),
    "orthogonal_init": partial(initialised, weight=nn.init.orthogonal_),
    "xavier_init": partial(initialised, weight=nn.init.xavier_normal_, bias=nn.init.zeros_),
    "kaiming_init": partial(initialised, weight=nn.init.kaiming_normal_, bias=partial(nn.init.constant_, val=0.1)),
    "truncated_normal_init": partial(initialised, weight=partial(nn.init.trunc_normal_, std=0.2)),
    "own_parameters": lambda: around(OwnParameters()),
    "parameter_made_of_bare_memory": lambda: around(OldStyleParameter(), after=20),
    "buffer_with_fixed_filters": lambda: LogProbabilities(
        Sobel(), nn.Conv2d(3, 4, 3, stride=3), nn.Flatten(), nn.Linear(4 * 81, 10)
    ),
    "constant_in_forward": lambda: around(ConstantInForward()),
    "tensor_as_an_attribute": lambda: around(TensorAttribute()),
    "positions_as_channels": lambda: around(Positions(), nn.Conv2d(6, 4, 1)),
    "where_and_masks": lambda: around(Where()),
    "reflecting_padding": lambda: around(nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"), nn.ReflectionPad2d(2)),
    "circular_and_replicating_padding": lambda: around(
        nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular"), nn.ReplicationPad2d(1), nn.ZeroPad2d(1)
    ),
    "pixel_unshuffle_stem": lambda: LogProbabilities(
        nn.PixelUnshuffle(4), nn.Conv2d(16, 10, 3), nn.AdaptiveAvgPool2d(1)
    ),
    "in_place_activations": lambda: around(
        nn.ReLU(inplace=True),
        nn.Conv2d(4, 4, 1),
        nn.Dropout(0.1, inplace=True),
        nn.Conv2d(4, 4, 1),
        nn.SiLU(inplace=True),
    ),
    "writes_into_its_input": lambda: LogProbabilities(InPlace(), nn.Conv2d(1, 10, 5), nn.AdaptiveAvgPool2d(1)),
    "forward_hook_without_memory": lambda: around(ForwardHook()),
    "moves_to_the_device_of_its_weights": lambda: around(DeviceOfWeights()),
}


def recipe(model, **options) -> Recipe:
    """A recipe for `model`, with defaults for everything else."""
    return Recipe(**{"model": model, "optimizer": partial(SGD, lr=0.05, momentum=0.9), **options})


@cache
def captured(name: str) -> Spec:
    """The spec of a seed model or an idiom, captured once per test session."""
    return capture(recipe(partial(seed_model, name) if name in SEED_MODELS else IDIOMS[name]))


def middle(forward, **module) -> Recipe:
    """A recipe whose network computes `forward(x)` in its middle, (N, 4, 13, 13) -> (N, 4, H, W)."""

    class Middle(nn.Module):
        def __init__(self):
            super().__init__()
            for name, build in module.items():
                setattr(self, name, build())

        def forward(self, x):
            return forward(self, x)

    return recipe(lambda: around(Middle()))
