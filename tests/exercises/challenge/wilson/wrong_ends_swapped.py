# hint: The low end comes first
def wilson(correct, total, z=1.96):
    n = total
    s = correct / n
    middle = (s + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(s * (1 - s) / n + z**2 / (4 * n**2))
    return middle + half, middle - half
