# hint: The dense layer has a bias
class PooledHead(nn.Module):
    def __init__(self, channels, classes=10):
        super().__init__()
        self.fc = nn.Linear(channels, classes, bias=False)

    def forward(self, x):
        return self.fc(x.mean((2, 3))).log_softmax(dim=1)
