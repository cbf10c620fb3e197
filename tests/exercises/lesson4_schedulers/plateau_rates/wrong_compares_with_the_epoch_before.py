# hint: Compare with the best loss so far
def plateau_rates(losses, lr, factor, patience):
    rates, best, bad = [], float("inf"), 0
    for loss in losses:
        rates.append(lr)
        if loss < best:
            bad = 0
        else:
            bad += 1
        best = loss
        if bad > patience:
            lr, bad = lr * factor, 0
    return rates
