import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from course import Recipe

class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(1, 8, kernel_size=3)
        self.conv2 = nn.Conv2d(8, 12, kernel_size=3)
        self.conv2_drop = nn.Dropout2d(0.1)
        self.fc1 = nn.Linear(300, 16)
        self.fc2 = nn.Linear(16, 10)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2_drop(self.conv2(x)), 2))
        x = x.view(-1, 300)
        x = F.relu(self.fc1(x))
        x = F.dropout(x, 0.05, training=self.training)
        x = self.fc2(x)
        return F.log_softmax(x, dim=1)

recipe = Recipe(model=Net, optimizer=lambda params: optim.Adam(params, lr=0.001))
