# hint: the standard error is its root
def standard_error(correct, total):
    s = correct / total
    return s * (1 - s) / total
