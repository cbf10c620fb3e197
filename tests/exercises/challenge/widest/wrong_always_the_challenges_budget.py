# hint: depth 6, budget 6,861
def stack_parameters(depth, width):
    return 9 * width + (depth - 1) * 9 * width**2 + 2 * depth * width + 10 * width + 10


def widest(depth, budget=7_999):
    return max(w for w in range(1, 1000) if stack_parameters(depth, w) <= 7_999)
