# hint: average over dim=(2, 3)
class PooledHead(nn.Module):
    def __init__(self, channels, classes=10):
        super().__init__()
        self.fc = nn.Linear(channels, classes)

    def forward(self, x):
        return self.fc(x.mean(dim=2).transpose(1, 2)).log_softmax(dim=-1)
