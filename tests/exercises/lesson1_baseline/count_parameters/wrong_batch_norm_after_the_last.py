# hint: no batch norm follows the last convolution
def count_parameters(widths):
    return sum(9 * a * b + 3 * b for a, b in zip(widths, widths[1:]))
