# hint: count the numbers in a bias, not the layers
def dead_biases(layers):
    return sum(
        isinstance(a, nn.Conv2d) and isinstance(b, nn.BatchNorm2d) and a.bias is not None
        for a, b in zip(layers, layers[1:])
    )
