def count_parameters(widths):
    layers = []
    for before, after in zip(widths[:-1], widths[1:]):
        layers += [nn.Conv2d(before, after, 3), nn.BatchNorm2d(after)]
    network = nn.Sequential(*layers[:-1])
    return sum(p.numel() for p in network.parameters())
