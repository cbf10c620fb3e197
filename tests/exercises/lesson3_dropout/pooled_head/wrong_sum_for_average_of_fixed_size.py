# hint: whatever they are
class PooledHead(nn.Module):
    def __init__(self, channels, classes=10):
        super().__init__()
        self.fc = nn.Linear(channels, classes)

    def forward(self, x):
        return self.fc(x.view(len(x), -1, 5, 5).mean((2, 3))).log_softmax(dim=1)
