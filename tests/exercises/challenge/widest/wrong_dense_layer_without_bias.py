# hint: a bias for each of the ten classes
def stack_parameters(depth, width):
    return 9 * width + (depth - 1) * 9 * width**2 + 2 * depth * width + 10 * width


def widest(depth, budget=7_999):
    width = 1
    while stack_parameters(depth, width + 1) <= budget:
        width += 1
    return width
