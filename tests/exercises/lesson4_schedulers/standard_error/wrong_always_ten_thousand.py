# hint: both numbers have to be used
def standard_error(correct, total):
    s = correct / total
    return math.sqrt(s * (1 - s) / 10_000)
