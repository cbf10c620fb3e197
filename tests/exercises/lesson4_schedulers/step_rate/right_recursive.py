def step_rate(epoch, lr, step_size, gamma):
    if epoch <= step_size:
        return lr
    return gamma * step_rate(epoch - step_size, lr, step_size, gamma)
