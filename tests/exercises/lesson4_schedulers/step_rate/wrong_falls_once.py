# hint: the rate has dropped twice
def step_rate(epoch, lr, step_size, gamma):
    return lr if epoch <= step_size else lr * gamma
