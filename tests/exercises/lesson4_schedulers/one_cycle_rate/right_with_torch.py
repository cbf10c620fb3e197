def one_cycle_rate(step, total, peak, pct_start=0.3):
    optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    scheduler = OneCycleLR(optimizer, max_lr=peak, total_steps=total, pct_start=pct_start)
    optimizer.step()
    for _ in range(step):
        scheduler.step()
    return optimizer.param_groups[0]["lr"]
