# hint: for each channel that comes out of the convolution
def count_parameters(widths):
    pairs = list(zip(widths, widths[1:]))
    return sum(9 * a * b + b for a, b in pairs) + sum(2 * a for a, _ in pairs[:-1])
