# hint: batch norm's own shift comes after the mean was taken away
def dead_biases(layers):
    dead = 0
    for a, b in zip(layers, layers[1:]):
        if isinstance(a, nn.Conv2d) and isinstance(b, nn.BatchNorm2d) and a.bias is not None:
            dead += a.bias.numel() + b.bias.numel()
    return dead
