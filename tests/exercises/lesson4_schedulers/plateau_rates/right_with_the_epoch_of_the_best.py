def plateau_rates(losses, lr, factor, patience):
    rates, best, since = [lr], losses[0], 0
    for epoch, loss in enumerate(losses[1:], start=1):
        rates.append(lr)
        if loss < best:
            best, since = loss, epoch
        elif epoch - since > patience:
            lr, since = lr * factor, epoch
    return rates
