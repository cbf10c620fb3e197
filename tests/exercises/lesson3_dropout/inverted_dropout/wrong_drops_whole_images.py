# hint: Whole images were dropped
def inverted_dropout(x, p, training):
    if not training:
        return x
    kept = torch.rand(len(x), *[1] * (x.dim() - 1)) >= p
    return x * kept / (1 - p)
