# hint: which the budget pays for
def stack_parameters(depth, width):
    return 9 * width + (depth - 1) * 9 * width**2 + 2 * depth * width + 10 * width + 10


def widest(depth, budget=7_999):
    return max(w for w in range(4, 100, 4) if stack_parameters(depth, w) <= budget)
