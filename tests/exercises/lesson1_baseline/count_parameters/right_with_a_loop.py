def count_parameters(widths):
    total = 0
    for i in range(len(widths) - 1):
        total += widths[i] * widths[i + 1] * 3 * 3 + widths[i + 1]
        if i < len(widths) - 2:
            total += 2 * widths[i + 1]
    return total
