def inverted_dropout(x, p, training):
    if not training or p == 0:
        return x
    mask = (torch.rand_like(x) > p).to(x.dtype)
    return mask * x / (1 - p)
