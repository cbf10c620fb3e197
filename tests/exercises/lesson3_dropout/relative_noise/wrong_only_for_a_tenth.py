# hint: check both p and n
def relative_noise(p, n):
    return math.sqrt(0.1 / (0.9 * n))
