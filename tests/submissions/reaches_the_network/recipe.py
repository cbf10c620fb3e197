import socket
from functools import partial

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.optim import SGD

from course import Recipe


def connects(address):
    try:
        socket.create_connection(address, timeout=1).close()
    except OSError:
        return False
    return True


for address in (("127.0.0.1", 22), ("127.0.0.1", 8888), ("192.0.2.1", 80), ("localhost", 5432)):
    assert not connects(address), f"REACHED {address}"
listener = None
try:
    listener = socket.socket()
except OSError:
    pass
assert listener is None, "REACHED a socket"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, stride=2)
        self.conv2 = nn.Conv2d(8, 10, 3, stride=2)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        return F.log_softmax(self.conv2(x).mean((2, 3)), dim=1)


recipe = Recipe(model=Net, optimizer=partial(SGD, lr=0.01, momentum=0.9))
