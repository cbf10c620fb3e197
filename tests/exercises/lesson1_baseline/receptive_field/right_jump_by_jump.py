def receptive_field(layers):
    field = 1
    jump = 1
    for k, s in layers:
        field = field + (k - 1) * jump
        jump = jump * s
    return field
