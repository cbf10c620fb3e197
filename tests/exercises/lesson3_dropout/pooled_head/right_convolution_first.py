class PooledHead(nn.Module):
    def __init__(self, channels, classes=10):
        super().__init__()
        self.conv = nn.Conv2d(channels, classes, 1)
        self.pool = nn.AdaptiveAvgPool2d(1)

    def forward(self, x):
        return nn.functional.log_softmax(self.pool(self.conv(x)).flatten(1), dim=-1)
