# hint: Epochs count from 1
def step_rate(epoch, lr, step_size, gamma):
    return lr * gamma ** (epoch // step_size)
