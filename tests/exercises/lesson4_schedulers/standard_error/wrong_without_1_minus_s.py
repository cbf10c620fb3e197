# hint: The factor 1 - s is missing
def standard_error(correct, total):
    s = correct / total
    return math.sqrt(s / total)
