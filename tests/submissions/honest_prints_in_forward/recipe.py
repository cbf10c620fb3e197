import torch.nn as nn
import torch.nn.functional as F
from torch.optim import SGD

from course import Recipe


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        print("building the network")
        self.conv1 = nn.Conv2d(1, 8, 3, stride=2)
        self.conv2 = nn.Conv2d(8, 10, 3, stride=2)

    def forward(self, x):
        print("in:", x.shape, x.dtype)
        x = F.relu(self.conv1(x))
        print(f"after conv1: {x.size()}")
        assert x.shape[1] == 8, "eight channels"
        return F.log_softmax(self.conv2(x).mean((2, 3)), dim=1)


print(Net())
print(sum(p.numel() for p in Net().parameters() if p.requires_grad), "parameters")
recipe = Recipe(model=Net, optimizer=lambda p: SGD(p, lr=0.05))
print(recipe)
