# hint: the strides multiply
def receptive_field(layers):
    side, jump = 1, 1
    for kernel, stride in layers:
        side += (kernel - 1) * jump
        if stride > 1:
            jump = stride
    return side
