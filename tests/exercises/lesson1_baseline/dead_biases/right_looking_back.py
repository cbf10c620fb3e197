def dead_biases(layers):
    dead, last = 0, None
    for layer in layers:
        if isinstance(layer, nn.BatchNorm2d) and isinstance(last, nn.Conv2d):
            dead += 0 if last.bias is None else last.bias.numel()
        last = layer
    return dead
