# hint: p and 1 - p are swapped
def relative_noise(p, n):
    return math.sqrt((1 - p) / (p * n))
