def receptive_field(layers):
    # how many values of the layer before are needed for this many of the layer after
    needed = 1
    for kernel, stride in reversed(layers):
        needed = (needed - 1) * stride + kernel
    return needed
