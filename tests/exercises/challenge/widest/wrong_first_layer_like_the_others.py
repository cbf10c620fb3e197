# hint: reads one grey channel
def stack_parameters(depth, width):
    return depth * 9 * width**2 + 2 * depth * width + 10 * width + 10


def widest(depth, budget=7_999):
    width = 1
    while stack_parameters(depth, width + 1) <= budget:
        width += 1
    return width
