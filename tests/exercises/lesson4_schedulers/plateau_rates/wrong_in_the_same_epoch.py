# hint: the rate changes from the next on
def plateau_rates(losses, lr, factor, patience):
    rates, best, bad = [], float("inf"), 0
    for loss in losses:
        if loss < best:
            best, bad = loss, 0
        else:
            bad += 1
        if bad > patience:
            lr, bad = lr * factor, 0
        rates.append(lr)
    return rates
