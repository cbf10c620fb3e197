# hint: start at 1
def receptive_field(layers):
    side, jump = 0, 1
    for kernel, stride in layers:
        side += (kernel - 1) * jump
        jump *= stride
    return side
