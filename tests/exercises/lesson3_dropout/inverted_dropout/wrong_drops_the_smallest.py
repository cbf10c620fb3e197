# hint: it is a matter of chance alone
def inverted_dropout(x, p, training):
    if not training:
        return x
    order = (x.abs() + 1e-3 * torch.rand_like(x)).flatten().argsort()
    kept = torch.ones(x.numel())
    kept[order[: int(p * x.numel())]] = 0
    return x * kept.reshape(x.shape) / (1 - p)
