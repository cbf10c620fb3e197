# hint: A convolution with bias=False has no bias
def dead_biases(layers):
    dead = 0
    for a, b in zip(layers, layers[1:]):
        if isinstance(a, nn.Conv2d) and isinstance(b, nn.BatchNorm2d):
            dead += a.out_channels
    return dead
