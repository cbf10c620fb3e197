# hint: the longest streak need not be the last one
def longest_streak(correct, needed):
    current = 0
    for count in correct:
        current = current + 1 if count >= needed else 0
    return current
