# hint: That counts digits
def standard_error(correct, total):
    s = correct / total
    return math.sqrt(total * s * (1 - s))
