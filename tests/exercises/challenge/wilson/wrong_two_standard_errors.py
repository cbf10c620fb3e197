# hint: plus or minus 1.96 standard errors
def wilson(correct, total, z=1.96):
    n = total
    s = correct / n
    middle = s
    half = z * math.sqrt(s * (1 - s) / n)
    return middle - half, middle + half
