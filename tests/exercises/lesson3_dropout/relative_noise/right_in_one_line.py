def relative_noise(p, n):
    return (p / (1 - p) / n) ** 0.5
