def dead_biases(layers):
    return sum(
        len(before.bias)
        for before, after in zip(layers, layers[1:])
        if type(before) is nn.Conv2d and type(after) is nn.BatchNorm2d and before.bias is not None
    )
