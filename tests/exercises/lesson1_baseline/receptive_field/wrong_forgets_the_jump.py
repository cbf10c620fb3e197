# hint: multiply by the jump
def receptive_field(layers):
    side = 1
    for kernel, _ in layers:
        side += kernel - 1
    return side
