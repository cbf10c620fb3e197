# hint: the field adds up layer by layer
def receptive_field(layers):
    side = 1
    for kernel, _ in layers:
        side *= kernel
    return side
