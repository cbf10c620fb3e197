import torch.nn as nn
import torch.nn.functional as F
from torch.optim import AdamW
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR

from course import Recipe


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, stride=2)
        self.norm = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 10, 3, stride=2)

    def forward(self, x):
        x = F.relu(self.norm(self.conv1(x)))
        return F.log_softmax(self.conv2(x).mean((2, 3)), dim=1)

def schedule(optimizer):
    warm_up = LinearLR(optimizer, start_factor=0.1, total_iters=2)
    cosine = CosineAnnealingLR(optimizer, T_max=13, eta_min=1e-5)
    return SequentialLR(optimizer, [warm_up, cosine], milestones=[2])


recipe = Recipe(model=Net, optimizer=lambda p: AdamW(p, lr=5e-3), scheduler=schedule)
