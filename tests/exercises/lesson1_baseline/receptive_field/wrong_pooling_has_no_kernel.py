# hint: the pooling has a kernel too
def receptive_field(layers):
    side, jump = 1, 1
    for kernel, stride in layers:
        if stride == 1:
            side += (kernel - 1) * jump
        jump *= stride
    return side
