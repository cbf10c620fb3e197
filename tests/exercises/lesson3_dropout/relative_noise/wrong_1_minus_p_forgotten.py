# hint: 1 - p is missing
def relative_noise(p, n):
    return math.sqrt(p / n)
