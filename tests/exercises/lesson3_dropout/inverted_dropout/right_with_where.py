def inverted_dropout(x, p, training):
    if not training:
        return x
    dropped = torch.rand(x.shape) < p
    return torch.where(dropped, torch.zeros(()), x / (1 - p))
