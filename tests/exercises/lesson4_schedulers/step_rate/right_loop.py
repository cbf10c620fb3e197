def step_rate(epoch, lr, step_size, gamma):
    for done in range(1, epoch):
        if done % step_size == 0:
            lr = lr * gamma
    return lr
