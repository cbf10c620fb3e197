# hint: with the rate lr
def step_rate(epoch, lr, step_size, gamma):
    return gamma ** ((epoch - 1) // step_size)
