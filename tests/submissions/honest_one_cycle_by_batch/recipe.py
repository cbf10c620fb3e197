import torch.nn as nn
import torch.nn.functional as F
from torch.optim import SGD
from torch.optim.lr_scheduler import OneCycleLR

from course import Recipe, steps_per_epoch

batch_size, epochs = 96, 15


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
    optimizer=lambda params: SGD(params, lr=0.01, momentum=0.9, weight_decay=2e-4, nesterov=True),
    scheduler=lambda optimizer: OneCycleLR(
        optimizer, max_lr=0.3, epochs=epochs, steps_per_epoch=steps_per_epoch(batch_size), pct_start=0.2
    ),
    scheduler_step="batch",
    epochs=epochs,
    batch_size=batch_size,
)
