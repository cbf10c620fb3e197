# hint: p is the chance to be dropped, not to be kept
def inverted_dropout(x, p, training):
    if not training:
        return x
    return x * (torch.rand_like(x) < p) / p
