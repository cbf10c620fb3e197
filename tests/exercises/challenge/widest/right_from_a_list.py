def stack_parameters(depth, width):
    before, total = 1, 0
    for _ in range(depth):
        total += 9 * before * width + 2 * width
        before = width
    return total + (width + 1) * 10


def widest(depth, budget=7_999):
    return max(w for w in range(1, budget) if stack_parameters(depth, w) <= budget)
