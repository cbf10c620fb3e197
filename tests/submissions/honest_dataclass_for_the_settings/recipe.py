from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import torch
from torch import nn

from course import Recipe


@dataclass(frozen=True)
class Config:
    widths: tuple[int, ...] = (8, 12, 16)
    dropout: float = 0.05
    lr: float = 3e-3
    betas: tuple[float, float] = field(default=(0.9, 0.98))


cfg = Config()


class Net(nn.Module):
    def __init__(self, cfg: Config = cfg) -> None:
        super().__init__()
        self.convs = nn.ModuleList()
        inside = 1
        for width in cfg.widths:
            self.convs.append(nn.Conv2d(inside, width, 3, padding="same"))
            inside = width
        self.norms = nn.ModuleDict({f"n{w}": nn.BatchNorm2d(w) for w in cfg.widths})
        self.dropout = nn.Dropout(cfg.dropout)
        self.head = nn.Linear(inside, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for conv, norm in zip(self.convs, self.norms.values(), strict=True):
            x = nn.functional.max_pool2d(torch.relu(norm(conv(x))), 2)
            x = self.dropout(x)
        return torch.log_softmax(self.head(x.mean(dim=[-1, -2])), dim=-1)


recipe = Recipe(model=Net, optimizer=partial(torch.optim.Adam, lr=cfg.lr, betas=cfg.betas))
