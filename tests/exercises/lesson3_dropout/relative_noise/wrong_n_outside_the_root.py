# hint: n stands outside the root
def relative_noise(p, n):
    return math.sqrt(p / (1 - p)) / n
