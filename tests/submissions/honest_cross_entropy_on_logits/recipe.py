import torch
from torch import nn
from course import Recipe

class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2),
            nn.Conv2d(6, 12, 5), nn.Tanh(), nn.AvgPool2d(2),
            nn.Flatten(), nn.Linear(12 * 5 * 5, 18), nn.Tanh(), nn.Linear(18, 10),
        )

    def forward(self, x):
        return self.net(x)

recipe = Recipe(model=LeNet, optimizer=lambda p: torch.optim.SGD(p, lr=0.1), loss="cross_entropy")
