# hint: running mean and variance are measured, not learned
def count_parameters(widths):
    pairs = list(zip(widths, widths[1:]))
    return sum(9 * a * b + b for a, b in pairs) + sum(4 * b for _, b in pairs[:-1])
