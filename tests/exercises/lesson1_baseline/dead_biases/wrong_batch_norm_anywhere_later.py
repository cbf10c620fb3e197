# hint: a ReLU stands between convolution and batch norm
def dead_biases(layers):
    dead = 0
    for i, layer in enumerate(layers):
        if isinstance(layer, nn.Conv2d) and layer.bias is not None:
            if any(isinstance(later, nn.BatchNorm2d) for later in layers[i:]):
                dead += layer.bias.numel()
    return dead
