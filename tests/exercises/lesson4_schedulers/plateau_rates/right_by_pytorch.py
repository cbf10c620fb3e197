def plateau_rates(losses, lr, factor, patience):
    optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    schedule = ReduceLROnPlateau(optimizer, factor=factor, patience=patience, threshold=0, eps=0)
    rates = []
    for loss in losses:
        rates.append(optimizer.param_groups[0]["lr"])
        schedule.step(loss)
    return rates
