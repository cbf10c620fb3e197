# hint: lower when MORE than 2 were not
def plateau_rates(losses, lr, factor, patience):
    rates, best, bad = [], float("inf"), 0
    for loss in losses:
        rates.append(lr)
        if loss < best:
            best, bad = loss, 0
        else:
            bad += 1
            if bad >= max(patience, 1):
                lr, bad = lr * factor, 0
    return rates
