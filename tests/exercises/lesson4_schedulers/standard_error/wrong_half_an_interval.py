# hint: half of a 95 % interval
def standard_error(correct, total):
    s = correct / total
    return 1.96 * math.sqrt(s * (1 - s) / total)
