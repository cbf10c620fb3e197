# hint: That is the deviation of a single digit
def standard_error(correct, total):
    s = correct / total
    return math.sqrt(s * (1 - s))
