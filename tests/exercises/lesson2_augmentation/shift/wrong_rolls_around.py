# hint: what leaves on one side must not come in on the other
def shift(image, right, down):
    return torch.roll(image, shifts=(down, right), dims=(0, 1))
