def dead_biases(layers):
    dead = 0
    for i in range(len(layers) - 1):
        convolution = isinstance(layers[i], nn.Conv2d) and layers[i].bias is not None
        if convolution and isinstance(layers[i + 1], nn.BatchNorm2d):
            dead += layers[i].out_channels
    return dead
