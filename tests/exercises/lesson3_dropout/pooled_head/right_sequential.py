class PooledHead(nn.Sequential):
    def __init__(self, channels, classes=10):
        super().__init__(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes), nn.LogSoftmax(dim=1)
        )
