def wilson(correct, total, z=1.96):
    s = correct / total
    a, b, c = 1 + z**2 / total, -(2 * s + z**2 / total), s**2
    root = math.sqrt(b**2 - 4 * a * c)
    return (-b - root) / (2 * a), (-b + root) / (2 * a)
