# hint: the rate stays the same for step_size epochs
def step_rate(epoch, lr, step_size, gamma):
    return lr * gamma ** ((epoch - 1) / step_size)
