# hint: look at all layers
def dead_biases(layers):
    for a, b in zip(layers, layers[1:]):
        if isinstance(a, nn.Conv2d) and isinstance(b, nn.BatchNorm2d) and a.bias is not None:
            return a.bias.numel()
    return 0
