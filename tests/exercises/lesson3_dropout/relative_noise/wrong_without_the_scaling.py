# hint: The scaling is missing
def relative_noise(p, n):
    return math.sqrt(p * (1 - p) / n)
