# hint: the last convolution has no batch norm behind it
def dead_biases(layers):
    return sum(layer.bias.numel() for layer in layers if isinstance(layer, nn.Conv2d) and layer.bias is not None)
