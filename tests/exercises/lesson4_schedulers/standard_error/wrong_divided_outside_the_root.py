# hint: evens out with the root of n only
def standard_error(correct, total):
    s = correct / total
    return math.sqrt(s * (1 - s)) / total
