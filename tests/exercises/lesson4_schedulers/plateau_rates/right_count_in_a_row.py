def plateau_rates(losses, lr, factor, patience):
    rates, best, bad = [], float("inf"), 0
    for loss in losses:
        rates.append(lr)
        if loss < best:
            best = loss
            bad = 0
        else:
            bad += 1
            if bad > patience:
                lr *= factor
                bad = 0
    return rates
