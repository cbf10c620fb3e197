# hint: only the bias is dead, the weights are not
def dead_biases(layers):
    dead = 0
    for a, b in zip(layers, layers[1:]):
        if isinstance(a, nn.Conv2d) and isinstance(b, nn.BatchNorm2d) and a.bias is not None:
            dead += sum(p.numel() for p in a.parameters())
    return dead
