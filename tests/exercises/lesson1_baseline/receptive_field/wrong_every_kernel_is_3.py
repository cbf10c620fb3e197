# hint: the kernel is not always 3
def receptive_field(layers):
    side, jump = 1, 1
    for kernel, stride in layers:
        side += 2 * jump if stride == 1 else (kernel - 1) * jump
        jump *= stride
    return side
