from functools import partial

from torch import nn
from torch.optim import RMSprop

from course import Recipe


class Separable(nn.Module):
    def __init__(self, inside: int, outside: int):
        super().__init__()
        self.depthwise = nn.Conv2d(inside, inside, 3, padding=1, groups=inside, bias=False)
        self.pointwise = nn.Conv2d(inside, outside, 1, bias=False)
        self.norm = nn.BatchNorm2d(outside)
        self.act = nn.ReLU6(inplace=True)

    def forward(self, x):
        return self.act(self.norm(self.pointwise(self.depthwise(x))))


class Mobile(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=2, padding=1),
            Separable(16, 24),
            nn.MaxPool2d(2),
            Separable(24, 48),
            Separable(48, 48),
        )
        self.classifier = nn.Linear(48, 10)

    def forward(self, x):
        return self.classifier(self.features(x).mean([2, 3])).log_softmax(1)


recipe = Recipe(model=Mobile, optimizer=partial(RMSprop, lr=1e-3), batch_size=64)
