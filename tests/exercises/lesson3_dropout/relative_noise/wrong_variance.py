# hint: the standard deviation is its root
def relative_noise(p, n):
    return p / ((1 - p) * n)
