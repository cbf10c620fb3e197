# hint: its share of the sum shrinks
def relative_noise(p, n):
    return math.sqrt(n * p / (1 - p))
