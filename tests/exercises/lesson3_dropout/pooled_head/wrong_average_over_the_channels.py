# hint: Average over height and width
class PooledHead(nn.Module):
    def __init__(self, channels, classes=10):
        super().__init__()
        self.fc = nn.Linear(channels, classes)

    def forward(self, x):
        return self.fc(x.mean(dim=1).flatten(1)).log_softmax(dim=1)
