# hint: It is to make up for what is missing
def inverted_dropout(x, p, training):
    if not training:
        return x
    return x * (torch.rand_like(x) >= p) * (1 - p)
