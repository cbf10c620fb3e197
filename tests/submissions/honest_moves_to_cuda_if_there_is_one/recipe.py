import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

from course import Recipe

use_cuda = torch.cuda.is_available()
device = torch.device("cuda" if use_cuda else "cpu")
print(f"training on {device}")
kwargs = {"num_workers": 1, "pin_memory": True} if use_cuda else {}


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, stride=2)
        self.norm = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 10, 3, stride=2)

    def forward(self, x):
        x = F.relu(self.norm(self.conv1(x)))
        return F.log_softmax(self.conv2(x).mean((2, 3)), dim=1)

def model():
    return Net().to(device)


recipe = Recipe(model=model, optimizer=lambda p: optim.SGD(p, lr=0.01, momentum=0.9))
