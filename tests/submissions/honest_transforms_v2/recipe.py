from functools import partial

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.optim import NAdam
from torchvision.transforms import v2

from course import Recipe

to_tensor = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean=[0.1307], std=[0.3081])]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, stride=2)
        self.norm = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 10, 3, stride=2)

    def forward(self, x):
        x = F.relu(self.norm(self.conv1(x)))
        return F.log_softmax(self.conv2(x).mean((2, 3)), dim=1)

recipe = Recipe(
    model=Net,
    train_transform=v2.Compose(
        [v2.RandomAffine(degrees=10, translate=(0.1, 0.1), shear=5), v2.RandomPerspective(0.2, p=0.3), *to_tensor,
         v2.RandomErasing(p=0.2, scale=(0.02, 0.1))]
    ),
    test_transform=v2.Compose(to_tensor),
    optimizer=partial(NAdam, lr=2e-3),
)
