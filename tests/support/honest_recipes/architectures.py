"""Whole networks of about the size that the assignments allow, as students put them together."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

from tests.support.honest_recipes.building import LogProbabilities, block, network
from tests.support.networks import seed_model


def conv_bn(inputs, outputs, kernel=3, activation=nn.ReLU, **options):
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, bias=False, **options), nn.BatchNorm2d(outputs), activation()
    )


def head(channels):
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


def plain_convolutions(activation=nn.ReLU, drop=0.05):
    widths, layers = (1, 8, 8, 12, 12, 16, 16), []
    for number, (inputs, outputs) in enumerate(pairwise(widths)):
        layers += [conv_bn(inputs, outputs, activation=activation), nn.Dropout(drop)]
        if number == 1:
            layers.append(nn.MaxPool2d(2))
    return LogProbabilities(*layers, head(16))


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 5)
        self.conv2 = nn.Conv2d(4, 8, 5)
        self.fc1 = nn.Linear(8 * 4 * 4, 40)
        self.fc2 = nn.Linear(40, 10)

    def forward(self, x):
        x = F.max_pool2d(torch.tanh(self.conv1(x)), 2)
        x = F.max_pool2d(torch.tanh(self.conv2(x)), 2)
        x = torch.flatten(x, 1)
        x = F.dropout(F.relu(self.fc1(x)), training=self.training)
        return F.log_softmax(self.fc2(x), dim=1)


class BasicBlock(nn.Module):
    """ResNet's block with a projection where the shape changes."""

    def __init__(self, inputs, outputs, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return F.relu(out + self.shortcut(x))


class PreActivation(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.bn1, self.bn2 = nn.BatchNorm2d(width), nn.BatchNorm2d(width)
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)

    def forward(self, x):
        out = self.conv1(F.relu(self.bn1(x)))
        return x + self.conv2(F.relu(self.bn2(out)))


class DenseLayer(nn.Module):
    def __init__(self, inputs, growth):
        super().__init__()
        self.norm, self.conv = nn.BatchNorm2d(inputs), nn.Conv2d(inputs, growth, 3, padding=1, bias=False)

    def forward(self, x):
        return torch.cat([x, self.conv(F.relu(self.norm(x)))], 1)


class InvertedBottleneck(nn.Module):
    """MobileNet v2: widen, filter each channel, narrow."""

    def __init__(self, inputs, outputs, expand=4, stride=1):
        super().__init__()
        wide = inputs * expand
        self.use_residual = stride == 1 and inputs == outputs
        self.body = nn.Sequential(
            conv_bn(inputs, wide, 1, nn.ReLU6),
            conv_bn(wide, wide, 3, nn.ReLU6, stride=stride, padding=1, groups=wide),
            nn.Conv2d(wide, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x):
        return x + self.body(x) if self.use_residual else self.body(x)


class SqueezeExcite(nn.Module):
    def __init__(self, channels, reduction=4):
        super().__init__()
        self.fc = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, channels // reduction, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels // reduction, channels, 1),
            nn.Hardsigmoid(),
        )

    def forward(self, x):
        return x * self.fc(x)


class Fire(nn.Module):
    """SqueezeNet's module."""

    def __init__(self, inputs, squeeze, expand):
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeeze, 1)
        self.expand1 = nn.Conv2d(squeeze, expand, 1)
        self.expand3 = nn.Conv2d(squeeze, expand, 3, padding=1)

    def forward(self, x):
        x = F.relu(self.squeeze(x))
        return torch.cat([F.relu(self.expand1(x)), F.relu(self.expand3(x))], dim=1)


class Inception(nn.Module):
    def __init__(self, inputs):
        super().__init__()
        self.b1, self.b3, self.b5 = (
            nn.Conv2d(inputs, 4, 1),
            conv_bn(inputs, 4, padding=1),
            conv_bn(inputs, 4, 5, padding=2),
        )
        self.pool = nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), nn.Conv2d(inputs, 4, 1))

    def forward(self, x):
        return torch.cat([self.b1(x), self.b3(x), self.b5(x), self.pool(x)], 1)


class ConvNeXtBlock(nn.Module):
    """Depthwise 7x7, layer norm over channels, two dense layers, a learned scale."""

    def __init__(self, width):
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.gamma = nn.Parameter(1e-6 * torch.ones(width))

    def forward(self, x):
        y = self.depthwise(x).permute(0, 2, 3, 1)
        y = self.gamma * self.down(F.gelu(self.up(self.norm(y))))
        return x + y.permute(0, 3, 1, 2)


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down, self.middle = conv_bn(1, 8, padding=1), conv_bn(8, 12, padding=1)
        self.up, self.last = nn.ConvTranspose2d(12, 8, 2, stride=2), conv_bn(16, 12, padding=1)
        self.fc = nn.Linear(12, 10)

    def forward(self, x):
        skip = self.down(x)
        x = self.up(self.middle(F.max_pool2d(skip, 2)))
        x = self.last(torch.cat([x, skip], dim=1))
        return F.log_softmax(self.fc(x.mean([2, 3])), dim=1)


class FromConfiguration(nn.Module):
    """VGG's way: the layers are read from a list."""

    CONFIG = (8, 8, "M", 16, "M", 16)

    def __init__(self):
        super().__init__()
        layers, inputs = [], 1
        for item in self.CONFIG:
            if item == "M":
                layers.append(nn.MaxPool2d(kernel_size=2, stride=2))
            else:
                layers += [nn.Conv2d(inputs, item, kernel_size=3, padding=1), nn.BatchNorm2d(item), nn.ReLU(True)]
                inputs = item
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(inputs * 7 * 7, 4), nn.ReLU(), nn.Linear(4, 10))

    def forward(self, x):
        x = self.features(x)
        x = x.view(x.shape[0], -1)
        return nn.LogSoftmax(dim=1)(self.classifier(x))


def by_name():
    net = nn.Sequential()
    net.add_module("conv", nn.Conv2d(1, 8, 5, 2))
    net.add_module("pool", nn.MaxPool2d(2))
    net.add_module("flat", nn.Flatten())
    net.add_module("fc", nn.Linear(8 * 36, 10))
    net.add_module("out", nn.LogSoftmax(dim=-1))
    return net


ARCHITECTURES = {
    "model_1_with_fewer_channels": network(lambda: seed_model("model2")),
    "model_3": network(lambda: seed_model("model3")),
    "plain_convolutions": network(plain_convolutions),
    "plain_convolutions_with_gelu": network(lambda: plain_convolutions(nn.GELU, 0.1)),
    "lenet": network(LeNet),
    "softmax_regression": network(lambda: LogProbabilities(nn.Flatten(), nn.Linear(784, 10))),
    "two_dense_layers": network(
        lambda: LogProbabilities(nn.Flatten(), nn.Linear(784, 9), nn.ReLU(), nn.Dropout(0.1), nn.Linear(9, 10))
    ),
    "dense_layers_after_pooling": network(
        lambda: LogProbabilities(
            nn.AvgPool2d(2), nn.Flatten(), nn.Linear(196, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 10)
        )
    ),
    "residual": network(
        lambda: LogProbabilities(conv_bn(1, 8, stride=2), BasicBlock(8, 8), BasicBlock(8, 12, 2), head(12))
    ),
    "residual_before_activation": network(
        lambda: LogProbabilities(nn.Conv2d(1, 8, 3, 2), *[PreActivation(8) for _ in range(4)], head(8))
    ),
    "densely_connected": network(
        lambda: LogProbabilities(
            nn.Conv2d(1, 8, 3, 2),
            *[DenseLayer(8 + 4 * i, 4) for i in range(5)],
            nn.BatchNorm2d(28),
            nn.ReLU(),
            head(28),
        )
    ),
    "inverted_bottlenecks": network(
        lambda: LogProbabilities(
            conv_bn(1, 8, stride=2),
            InvertedBottleneck(8, 8),
            InvertedBottleneck(8, 16, 4, 2),
            InvertedBottleneck(16, 16),
            head(16),
        )
    ),
    "inverted_bottleneck_with_squeeze_and_excite": network(
        lambda: LogProbabilities(
            conv_bn(1, 8, 3, nn.Hardswish, stride=2),
            InvertedBottleneck(8, 16),
            SqueezeExcite(16),
            nn.Hardswish(),
            head(16),
        )
    ),
    "depthwise_separable": network(
        lambda: LogProbabilities(
            conv_bn(1, 16),
            nn.MaxPool2d(2),
            *(layer for _ in range(4) for layer in (conv_bn(16, 16, groups=16, padding=1), conv_bn(16, 16, 1))),
            head(16),
        )
    ),
    "squeezenet": network(
        lambda: LogProbabilities(
            nn.Conv2d(1, 16, 3, 2), nn.ReLU(), Fire(16, 4, 12), nn.MaxPool2d(2), Fire(24, 6, 16), head(32)
        )
    ),
    "inception": network(
        lambda: LogProbabilities(conv_bn(1, 8, stride=2), Inception(8), nn.MaxPool2d(2), Inception(16), head(16))
    ),
    "convnext": network(
        lambda: LogProbabilities(nn.Conv2d(1, 12, 4, 4), ConvNeXtBlock(12), ConvNeXtBlock(12), head(12))
    ),
    "conv_mixer": network(
        lambda: LogProbabilities(
            nn.Conv2d(1, 24, 4, 4),
            nn.GELU(),
            nn.BatchNorm2d(24),
            *(
                layer
                for _ in range(3)
                for layer in (
                    block(
                        lambda m, x: x + m.norm(F.gelu(m.conv(x))),
                        conv=nn.Conv2d(24, 24, 5, groups=24, padding="same"),
                        norm=nn.BatchNorm2d(24),
                    ),
                    nn.Conv2d(24, 24, 1),
                    nn.GELU(),
                    nn.BatchNorm2d(24),
                )
            ),
            head(24),
        )
    ),
    "u_net": network(UNet),
    "layers_from_a_list": network(FromConfiguration),
    "layers_added_by_name": network(by_name),
    "all_convolutional": network(
        lambda: LogProbabilities(
            conv_bn(1, 8, 3, stride=2), conv_bn(8, 16, 3, stride=2), conv_bn(16, 16, 3), nn.Conv2d(16, 10, 4)
        )
    ),
    "network_in_network": network(
        lambda: LogProbabilities(
            conv_bn(1, 16, 5),
            conv_bn(16, 12, 1),
            nn.MaxPool2d(3, 2, padding=1),
            conv_bn(12, 16, 5),
            conv_bn(16, 10, 1),
            head(10),
        )
    ),
    "large_kernels_in_a_row_and_a_column": network(
        lambda: LogProbabilities(
            conv_bn(1, 8, (1, 7)),
            conv_bn(8, 8, (7, 1)),
            nn.MaxPool2d(2),
            conv_bn(8, 16, (1, 5)),
            conv_bn(16, 16, (5, 1)),
            head(16),
        )
    ),
    "dilated_convolutions": network(
        lambda: LogProbabilities(
            *(conv_bn(i, 10, dilation=d) for i, d in ((1, 1), (10, 2), (10, 4), (10, 4))), head(10)
        )
    ),
    "shuffle_net": network(
        lambda: LogProbabilities(
            conv_bn(1, 16, stride=2),
            conv_bn(16, 16, 1, groups=4),
            nn.ChannelShuffle(4),
            conv_bn(16, 24, 3, groups=4),
            head(24),
        )
    ),
    "ghost_module": network(
        lambda: LogProbabilities(
            conv_bn(1, 8, stride=2),
            block(
                lambda m, x: torch.cat([y := m.primary(x), m.cheap(y)], dim=1),
                primary=conv_bn(8, 8, 1),
                cheap=conv_bn(8, 8, 3, padding=1, groups=8),
            ),
            head(16),
        )
    ),
}
