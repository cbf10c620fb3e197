# hint: a ReLU stands between convolution and batch norm
def dead_biases(layers):
    return sum(layer.num_features for layer in layers if isinstance(layer, nn.BatchNorm2d))
