# hint: a dense layer over all pixels
class PooledHead(nn.Module):
    def __init__(self, channels, classes=10):
        super().__init__()
        self.fc = nn.Linear(channels * 25, classes)

    def forward(self, x):
        return self.fc(x.flatten(1)).log_softmax(dim=1)
