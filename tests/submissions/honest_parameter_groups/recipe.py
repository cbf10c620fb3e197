import torch.nn.functional as F
from torch import nn, optim
from torch.optim.lr_scheduler import LambdaLR

from course import Recipe


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, 3, stride=2)
        self.bn1 = nn.BatchNorm2d(12)
        self.conv2 = nn.Conv2d(12, 16, 3, stride=2)
        self.bn2 = nn.BatchNorm2d(16)
        self.fc = nn.Linear(16, 10)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.relu(self.bn2(self.conv2(x)))
        return F.log_softmax(self.fc(x.mean((2, 3))), 1)


def make_optimizer(named_parameters):
    decay, no_decay = [], []
    for name, p in named_parameters:
        (no_decay if p.ndim == 1 or "bn" in name else decay).append((name, p))
    return optim.SGD(
        [{"params": decay, "weight_decay": 5e-4}, {"params": no_decay, "weight_decay": 0.0, "lr": 0.02}],
        lr=0.05,
        momentum=0.9,
    )


recipe = Recipe(
    model=Net,
    optimizer=make_optimizer,
    scheduler=lambda opt: LambdaLR(opt, [lambda e: 0.9**e, lambda e: 0.8**e]),
)
