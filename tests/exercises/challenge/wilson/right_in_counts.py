def wilson(correct, total, z=1.96):
    wrong = total - correct
    root = z * math.sqrt(correct * wrong / total + z * z / 4)
    return tuple((correct + z * z / 2 + sign * root) / (total + z * z) for sign in (-1, 1))
