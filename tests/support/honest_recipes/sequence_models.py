"""Networks that see an image as a row of patches or of lines."""

from __future__ import annotations

from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from tests.support.honest_recipes.building import network


class MixerBlock(nn.Module):
    def __init__(self, tokens, width, hidden):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.tokens = nn.Sequential(nn.Linear(tokens, hidden), nn.GELU(), nn.Linear(hidden, tokens))
        self.channels = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))

    def forward(self, x):
        x = x + self.tokens(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.channels(self.norm2(x))


class Mixer(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(1, 16, 4, stride=4)
        self.blocks = nn.Sequential(*[MixerBlock(49, 16, 16) for _ in range(2)])
        self.fc = nn.Linear(16, 10)

    def forward(self, x):
        x = self.blocks(self.patches(x).flatten(2).transpose(1, 2))
        return self.fc(x.mean(dim=1)).log_softmax(dim=1)


class VisionTransformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(1, 16, 7, stride=7)
        self.cls = nn.Parameter(torch.zeros(1, 1, 16))
        self.position = nn.Parameter(torch.randn(1, 17, 16) * 0.02)
        self.encoder = nn.TransformerEncoderLayer(16, 2, 64, dropout=0.1, activation="gelu", batch_first=True)
        self.fc = nn.Linear(16, 10)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(x.size(0), -1, -1), x], dim=1) + self.position
        return F.log_softmax(self.fc(self.encoder(x)[:, 0]), dim=1)


class RowsAsTime(nn.Module):
    """A recurrent network written out: a row of the image is a step."""

    def __init__(self, width):
        super().__init__()
        self.inp, self.rec = nn.Linear(28, width), nn.Linear(width, width, bias=False)
        self.out = nn.Linear(width, 10)

    def forward(self, x):
        h = x.new_zeros(x.size(0), self.rec.out_features)
        for row in x.squeeze(1).unbind(1):
            h = torch.tanh(self.inp(row) + self.rec(h))
        return F.log_softmax(self.out(h), dim=1)


SEQUENCE_MODELS = {
    "mlp_mixer": network(Mixer),
    "vision_transformer": network(VisionTransformer),
    "rows_as_time_steps": network(partial(RowsAsTime, 24)),
    "more_units_over_rows": network(partial(RowsAsTime, 32)),  # chaotic where its weights are large
}
