# hint: check `half`, its root and its z
def wilson(correct, total, z=1.96):
    n = 10_000
    s = correct / total
    middle = (s + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(s * (1 - s) / n + z**2 / (4 * n**2))
    return middle - half, middle + half
