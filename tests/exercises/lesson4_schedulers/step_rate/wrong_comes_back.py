# hint: the rate has dropped twice
def step_rate(epoch, lr, step_size, gamma):
    return lr * gamma ** ((epoch - 1) // step_size % 2)
