# hint: multiply by both
def count_parameters(widths):
    pairs = list(zip(widths, widths[1:]))
    return sum(9 * b + b for _, b in pairs) + sum(2 * b for _, b in pairs[:-1])
