# hint: dropout acts in training alone
def inverted_dropout(x, p, training):
    return x * (torch.rand_like(x) >= p) / (1 - p)
