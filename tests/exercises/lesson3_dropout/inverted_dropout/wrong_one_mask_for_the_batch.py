# hint: All images of a batch lost the same numbers
def inverted_dropout(x, p, training):
    if not training:
        return x
    return x * (torch.rand_like(x[0]) >= p) / (1 - p)
