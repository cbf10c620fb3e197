# hint: With training=False nothing is scaled either
def inverted_dropout(x, p, training):
    if not training:
        return x * (1 - p)
    return x * (torch.rand_like(x) >= p)
