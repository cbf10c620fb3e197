# hint: What is kept is divided by p
def inverted_dropout(x, p, training):
    if not training:
        return x
    return x * (torch.rand_like(x) >= p) / p
