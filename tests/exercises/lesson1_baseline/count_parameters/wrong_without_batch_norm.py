# hint: batch norm holds parameters as well
def count_parameters(widths):
    return sum(9 * a * b + b for a, b in zip(widths, widths[1:]))
