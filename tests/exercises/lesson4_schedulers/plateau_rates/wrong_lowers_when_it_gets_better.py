# hint: It falls in every epoch
def plateau_rates(losses, lr, factor, patience):
    rates, best, bad = [], float("inf"), 0
    for loss in losses:
        rates.append(lr)
        if loss > best:
            best, bad = loss, 0
        else:
            bad += 1
        if bad > patience:
            lr, bad = lr * factor, 0
    return rates
