# hint: a 3x3 square holds 9 weights
def count_parameters(widths):
    pairs = list(zip(widths, widths[1:]))
    return sum(3 * a * b + b for a, b in pairs) + sum(2 * b for _, b in pairs[:-1])
