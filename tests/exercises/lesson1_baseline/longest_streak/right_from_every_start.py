def longest_streak(correct, needed):
    best = 0
    for start in range(len(correct)):
        length = 0
        while start + length < len(correct) and correct[start + length] >= needed:
            length += 1
        best = max(best, length)
    return best
