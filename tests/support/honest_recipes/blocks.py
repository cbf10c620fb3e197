"""Parts of networks: what stands between the first convolution, (N, 4, 13, 13), and the head."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

from tests.support.honest_recipes.building import LogProbabilities, around, block, network


def same(kernel=3, inputs=4, outputs=4, **options):
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, **options)


def shared(layer, times=3):
    return around(*[layer] * times)


def weights(*shape, scale=0.1):
    return nn.Parameter(scale * torch.randn(*shape))


def tokens(m, x):
    return x.flatten(2).transpose(1, 2)


class CoordConv(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, stride=2)

    def forward(self, x):
        n, _, h, w = x.size()
        ys = torch.linspace(-1, 1, h, device=x.device).view(1, 1, h, 1).expand(n, 1, h, w)
        xs = torch.linspace(-1, 1, w, device=x.device).view(1, 1, 1, w).expand(n, 1, h, w)
        return self.conv(torch.cat([x, ys, xs], dim=1))


class BlurPool(nn.Module):
    """Anti-aliased downsampling with the fixed filter 1-2-1."""

    def __init__(self, channels):
        super().__init__()
        row = torch.tensor([1.0, 2.0, 1.0])
        kernel = row[:, None] * row[None, :]
        self.register_buffer("kernel", (kernel / kernel.sum())[None, None].repeat(channels, 1, 1, 1))

    def forward(self, x):
        return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), self.kernel, stride=2, groups=x.shape[1])


class Highway(nn.Module):
    def __init__(self):
        super().__init__()
        self.transform, self.gate = same(), same()
        nn.init.constant_(self.gate.bias, -2.0)

    def forward(self, x):
        gate = torch.sigmoid(self.gate(x))
        return gate * F.relu(self.transform(x)) + (1 - gate) * x


class ChannelSpatialAttention(nn.Module):
    """CBAM."""

    def __init__(self):
        super().__init__()
        self.mlp = nn.Sequential(nn.Conv2d(4, 2, 1, bias=False), nn.ReLU(), nn.Conv2d(2, 4, 1, bias=False))
        self.spatial = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, x):
        x = x * torch.sigmoid(self.mlp(F.adaptive_avg_pool2d(x, 1)) + self.mlp(F.adaptive_max_pool2d(x, 1)))
        pooled = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], dim=1)
        return x * torch.sigmoid(self.spatial(pooled))


class EfficientChannelAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 1, 3, padding=1, bias=False)

    def forward(self, x):
        gate = self.conv(x.mean((2, 3)).unsqueeze(1)).squeeze(1)
        return x * gate.sigmoid().unsqueeze(-1).unsqueeze(-1)


class AttentionPooling(nn.Module):
    def __init__(self):
        super().__init__()
        self.score = nn.Conv2d(4, 1, 1)
        self.fc = nn.Linear(4, 10)

    def forward(self, x):
        attention = self.score(x).flatten(2).softmax(dim=-1)
        return self.fc((x.flatten(2) * attention).sum(-1))


class SelfAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.k, self.v = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4)
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        t = x.flatten(2).transpose(1, 2)
        attention = torch.softmax(self.q(t) @ self.k(t).transpose(-2, -1) / math.sqrt(4), dim=-1)
        return x + self.gamma * (attention @ self.v(t)).transpose(1, 2).view_as(x)


class LayerScale(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = same()
        self.scale = nn.Parameter(torch.full((4, 1, 1), 0.1))

    def forward(self, x):
        return x + self.scale * F.relu(self.inner(x))


class SpatialTransformer(nn.Module):
    """Starts from the identity transform."""

    def __init__(self):
        super().__init__()
        self.find = nn.Sequential(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(49, 8), nn.ReLU(), nn.Linear(8, 6))
        self.find[-1].weight.data.zero_()
        self.find[-1].bias.data.copy_(torch.tensor([1, 0, 0, 0, 1, 0], dtype=torch.float))

    def forward(self, x):
        theta = self.find(x).view(-1, 2, 3)
        return F.grid_sample(x, F.affine_grid(theta, x.size(), align_corners=False), align_corners=False)


class Sinusoidal(nn.Module):
    """The positions of the transformer's paper, fixed."""

    def __init__(self, length=169, width=4):
        super().__init__()
        position = torch.arange(length).unsqueeze(1)
        div = torch.exp(torch.arange(0, width, 2) * (-math.log(10000.0) / width))
        pe = torch.zeros(length, width)
        pe[:, 0::2] = torch.sin(position * div)
        pe[:, 1::2] = torch.cos(position * div)
        self.register_buffer("pe", pe)

    def forward(self, x):
        return (x.flatten(2).transpose(1, 2) + self.pe).transpose(1, 2).reshape(x.shape)


class GeM(nn.Module):
    """Generalised-mean pooling with a learned exponent."""

    def __init__(self, p=3.0):
        super().__init__()
        self.p = nn.Parameter(torch.ones(1) * p)

    def forward(self, x):
        return F.avg_pool2d(x.clamp(min=1e-6).pow(self.p), x.shape[-2:]).pow(1.0 / self.p)


class Prototypes(nn.Module):
    """A learned point for each digit; the score is the negative squared distance."""

    def __init__(self, width):
        super().__init__()
        self.points = nn.Parameter(torch.randn(10, width))

    def forward(self, x):
        return -((x.unsqueeze(1) - self.points.unsqueeze(0)) ** 2).sum(-1)


class Cosine(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight, self.temperature = weights(10, width), nn.Parameter(torch.tensor(10.0))

    def forward(self, x):
        return self.temperature * F.linear(F.normalize(x, dim=1), F.normalize(self.weight, dim=1))


def head(*layers):
    """Another head, after a convolution to (N, 4, 13, 13)."""
    return network(lambda: LogProbabilities(nn.Conv2d(1, 4, 3, stride=2), nn.ReLU(), *[build() for build in layers]))


def middle(*layers, after=4, extra=0):
    return network(lambda: around(*[build() for build in layers], after=after), extra)


BLOCKS = {
    "residual_in_one_line": middle(lambda: block(lambda m, x: x + F.relu(m.conv(x)), conv=same())),
    "residual_scaled_by_a_number": middle(lambda: block(lambda m, x: x + 0.2 * m.conv(x).relu(), conv=same())),
    "residual_that_starts_at_zero": middle(
        lambda: block(lambda m, x: x + m.alpha * m.conv(x), conv=same(), alpha=nn.Parameter(torch.zeros(1)))
    ),
    "two_paths_that_are_added": middle(lambda: block(lambda m, x: m.a(x) + m.b(x), a=same(3), b=same(5))),
    "two_paths_that_are_multiplied": middle(
        lambda: block(lambda m, x: m.a(x) * torch.sigmoid(m.b(x)), a=same(), b=same())
    ),
    "the_image_again_at_the_end": network(
        lambda: LogProbabilities(
            block(
                lambda m, x: torch.cat([F.relu(m.conv(x)), F.interpolate(x, size=(13, 13))], 1),
                conv=nn.Conv2d(1, 4, 3, 2),
            ),
            nn.Flatten(),
            nn.Linear(5 * 169, 8),
            nn.Linear(8, 10),
        )
    ),
    "maxout": middle(lambda: block(lambda m, x: m.conv(x).view(-1, 4, 2, 13, 13).amax(dim=2), conv=same(outputs=8))),
    "maxout_of_two_layers": middle(lambda: block(lambda m, x: torch.max(m.a(x), m.b(x)), a=same(), b=same())),
    "highway": middle(Highway),
    "concatenated_relu": middle(lambda: block(lambda m, x: torch.cat([F.relu(x), F.relu(-x)], dim=1)), after=8),
    "gated_linear_unit": middle(lambda: same(outputs=8), lambda: nn.GLU(dim=1)),
    "channel_and_spatial_attention": middle(ChannelSpatialAttention),
    "efficient_channel_attention": middle(EfficientChannelAttention),
    "self_attention": middle(SelfAttention),
    "attention_of_pytorch": middle(
        lambda: block(
            lambda m, x: m.attention(t := tokens(m, x), t, t)[0].transpose(1, 2),
            attention=nn.MultiheadAttention(4, 2, batch_first=True),
        ),
        lambda: nn.Unflatten(2, (13, 13)),
    ),
    "scaled_dot_product_attention": middle(
        lambda: block(
            lambda m, x: F.scaled_dot_product_attention(*m.qkv(tokens(m, x)).chunk(3, -1)).transpose(1, 2),
            qkv=nn.Linear(4, 12),
        ),
        lambda: nn.Unflatten(2, (13, 13)),
    ),
    "layer_scale": middle(LayerScale),
    "coordinates_as_channels": network(
        lambda: LogProbabilities(CoordConv(), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 10, 1)), 56
    ),
    "fixed_blur_before_pooling": middle(lambda: BlurPool(4), extra=4 * 9),
    "one_weight_shared_by_three_layers": network(lambda: shared(same())),
    "one_block_used_four_times": network(lambda: shared(nn.Sequential(same(), nn.BatchNorm2d(4), nn.ReLU()), 4)),
    "a_weight_and_its_transpose": middle(
        lambda: block(lambda m, x: F.conv_transpose2d(F.relu(F.conv2d(x, m.w)), m.w), w=weights(6, 4, 3, 3))
    ),
    "symmetric_filters": middle(
        lambda: block(lambda m, x: F.conv2d(x, m.w + m.w.flip(-1), padding=1), w=weights(4, 4, 3, 3))
    ),
    "rotated_filters": middle(
        lambda: block(
            lambda m, x: torch.cat([F.conv2d(x, torch.rot90(m.w, k, (2, 3)), padding=1) for k in range(4)], 1),
            w=weights(2, 4, 3, 3),
        ),
        after=8,
    ),
    "low_rank_dense_layer": network(
        lambda: LogProbabilities(
            nn.Flatten(), nn.Linear(784, 6, bias=False), nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 10)
        )
    ),
    "mixture_of_two_experts": middle(
        lambda: block(
            lambda m, x: (
                m.gate(x.mean((2, 3))).softmax(1)[:, 0, None, None, None] * m.a(x)
                + m.gate(x.mean((2, 3))).softmax(1)[:, 1, None, None, None] * m.b(x)
            ),
            gate=nn.Linear(4, 2),
            a=same(),
            b=same(),
        )
    ),
    "standardised_weights": middle(
        lambda: block(
            lambda m, x: F.conv2d(
                x, (m.w - m.w.mean((1, 2, 3), keepdim=True)) / (m.w.std((1, 2, 3), keepdim=True) + 1e-5), padding=1
            ),
            w=weights(4, 4, 3, 3),
        )
    ),
    "spatial_transformer": network(
        lambda: LogProbabilities(
            SpatialTransformer(), nn.Conv2d(1, 8, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 10, 1)
        )
    ),
    "sinusoidal_positions": middle(Sinusoidal, extra=169 * 4),
    "learned_positions": middle(
        lambda: block(lambda m, x: x + m.position, position=nn.Parameter(torch.zeros(1, 4, 13, 13)))
    ),
    "weight_norm": middle(lambda: parametrizations.weight_norm(same())),
    "weight_norm_of_a_dense_head": network(
        lambda: LogProbabilities(nn.AvgPool2d(4), nn.Flatten(), parametrizations.weight_norm(nn.Linear(49, 10)))
    ),
    "lazy_layers_everywhere": network(
        lambda: LogProbabilities(
            nn.LazyConv2d(6, 5, 2), nn.LazyBatchNorm2d(), nn.ReLU(), nn.Flatten(), nn.LazyLinear(6), nn.LazyLinear(10)
        )
    ),
    "sub_pixel_stem": network(
        lambda: LogProbabilities(
            nn.PixelUnshuffle(2), nn.Conv2d(4, 8, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 10)
        )
    ),
    "patches_by_unfold": network(
        lambda: LogProbabilities(
            nn.Unfold(7, stride=7),
            block(lambda m, x: m.fc(x.transpose(1, 2)).relu().mean(1), fc=nn.Linear(49, 32)),
            nn.Linear(32, 10),
        )
    ),
    "convolution_along_rows": network(
        lambda: LogProbabilities(
            nn.Flatten(1, 2), nn.Conv1d(28, 12, 5), nn.ReLU(), nn.MaxPool1d(4), nn.Flatten(), nn.Linear(72, 10)
        )
    ),
    "upsampling_inside": middle(lambda: nn.Upsample(scale_factor=2, mode="bilinear"), lambda: nn.Conv2d(4, 4, 3, 2)),
    "shifts_instead_of_filters": middle(
        lambda: block(lambda m, x: m.mix(torch.cat([x, x.roll(1, 2), x.roll(-1, 3)], 1)), mix=nn.Conv2d(12, 4, 1))
    ),
    "transposed_image_as_a_second_view": network(
        lambda: LogProbabilities(
            block(lambda m, x: torch.cat([m.conv(x), m.conv(x.transpose(2, 3))], 1), conv=nn.Conv2d(1, 4, 3, 2)),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(32, 10),
        )
    ),
    "centred_image": network(
        lambda: LogProbabilities(
            block(lambda m, x: (x - x.mean((1, 2, 3), keepdim=True)) / (x.std((1, 2, 3), keepdim=True) + 1e-5)),
            nn.Conv2d(1, 8, 5, 3),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(8 * 64, 10),
        )
    ),
    "dropout_of_channels": middle(lambda: nn.Dropout2d(0.2), lambda: nn.FeatureAlphaDropout(0.1)),
    "dropout_written_in_forward": middle(lambda: block(lambda m, x: F.dropout2d(x, 0.2, m.training))),
    # heads
    "head_flatten_and_dense": head(nn.Flatten, lambda: nn.Linear(676, 10)),
    "head_global_average": head(lambda: nn.Conv2d(4, 10, 3), lambda: nn.AdaptiveAvgPool2d(1)),
    "head_global_max": head(lambda: nn.Conv2d(4, 10, 3), lambda: nn.AdaptiveMaxPool2d(1)),
    "head_average_and_max": head(
        lambda: block(lambda m, x: torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)), lambda: nn.Linear(8, 10)
    ),
    "head_log_sum_exp": head(lambda: block(lambda m, x: x.logsumexp((2, 3))), lambda: nn.Linear(4, 10)),
    "head_attention_pooling": head(AttentionPooling),
    "head_generalised_mean": head(GeM, nn.Flatten, lambda: nn.Linear(4, 10)),
    "head_average_of_a_grid": head(lambda: nn.AdaptiveAvgPool2d(3), nn.Flatten, lambda: nn.Linear(36, 10)),
    "head_whole_convolution": head(lambda: nn.Conv2d(4, 10, 13)),
    "head_prototypes": head(lambda: nn.AdaptiveAvgPool2d(2), nn.Flatten, lambda: Prototypes(16)),
    "head_cosine": head(lambda: nn.AdaptiveAvgPool2d(2), nn.Flatten, lambda: Cosine(16)),
    "head_bilinear": head(
        lambda: nn.AdaptiveAvgPool2d(1), nn.Flatten, lambda: block(lambda m, x: m.fc(x, x), fc=nn.Bilinear(4, 4, 10))
    ),
    "head_two_scales": head(
        lambda: block(lambda m, x: torch.cat([F.adaptive_avg_pool2d(x, s).flatten(1) for s in (1, 2, 3)], 1)),
        lambda: nn.Linear(4 * 14, 10),
    ),
    "head_without_bias_and_batch_norm": head(
        nn.Flatten, lambda: nn.Linear(676, 10, bias=False), lambda: nn.BatchNorm1d(10, affine=False)
    ),
    "head_scaled_by_a_temperature": head(
        lambda: nn.AdaptiveAvgPool2d(2), nn.Flatten, lambda: nn.Linear(16, 10), lambda: block(lambda m, x: x / 0.5)
    ),
}
