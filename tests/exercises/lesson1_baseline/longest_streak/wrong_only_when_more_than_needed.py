# hint: exactly 9,940 is enough
def longest_streak(correct, needed):
    longest = current = 0
    for count in correct:
        current = current + 1 if count > needed else 0
        longest = max(longest, current)
    return longest
