# hint: one bias for each output channel
def count_parameters(widths):
    pairs = list(zip(widths, widths[1:]))
    return sum(9 * a * b + 1 for a, b in pairs) + sum(2 * b for _, b in pairs[:-1])
