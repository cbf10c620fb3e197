# hint: batch norm holds two numbers for each channel
def count_parameters(widths):
    pairs = list(zip(widths, widths[1:]))
    return sum(9 * a * b + b for a, b in pairs) + sum(b for _, b in pairs[:-1])
