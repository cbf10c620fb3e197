# hint: a list as long as losses
def plateau_rates(losses, lr, factor, patience):
    best, bad = float("inf"), 0
    for loss in losses:
        if loss < best:
            best, bad = loss, 0
        else:
            bad += 1
        if bad > patience:
            lr, bad = lr * factor, 0
    return [lr]
