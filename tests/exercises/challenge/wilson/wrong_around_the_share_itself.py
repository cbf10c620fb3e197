# hint: it is shifted towards one half
def wilson(correct, total, z=1.96):
    n = total
    s = correct / n
    middle = s
    half = z / (1 + z**2 / n) * math.sqrt(s * (1 - s) / n + z**2 / (4 * n**2))
    return middle - half, middle + half
