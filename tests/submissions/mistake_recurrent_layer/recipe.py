from functools import partial

import torch.nn as nn
import torch.nn.functional as F
from torch.optim import SGD

from course import Recipe


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(28, 12, batch_first=True)
        self.fc = nn.Linear(12, 10)

    def forward(self, x):
        steps, _ = self.lstm(x.squeeze(1))
        return F.log_softmax(self.fc(steps[:, -1]), dim=1)


recipe = Recipe(model=Net, optimizer=partial(SGD, lr=0.01, momentum=0.9))
