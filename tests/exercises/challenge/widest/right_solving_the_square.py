def stack_parameters(depth, width):
    return 9 * width + (depth - 1) * 9 * width**2 + 2 * depth * width + 10 * width + 10


def widest(depth, budget=7_999):
    a, b, c = 9 * (depth - 1), 19 + 2 * depth, 10 - budget
    if a == 0:
        return -c // b
    return int((math.isqrt(b * b - 4 * a * c) - b) // (2 * a))
