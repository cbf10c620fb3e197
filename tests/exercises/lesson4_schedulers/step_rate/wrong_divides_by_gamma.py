# hint: lr is multiplied by gamma
def step_rate(epoch, lr, step_size, gamma):
    return lr / gamma ** ((epoch - 1) // step_size)
