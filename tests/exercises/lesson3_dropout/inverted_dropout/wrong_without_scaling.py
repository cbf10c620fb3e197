# hint: What is kept is not scaled
def inverted_dropout(x, p, training):
    if not training:
        return x
    return x * (torch.rand_like(x) >= p)
