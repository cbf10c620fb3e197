# hint: a kernel of 3 adds 2
def receptive_field(layers):
    return sum(kernel for kernel, _ in layers)
