# hint: compare counts and not rounded per cents
def longest_streak(correct, needed):
    longest = current = 0
    for count in correct:
        percent = round(count / 100, 1)
        current = current + 1 if percent >= round(needed / 100, 1) else 0
        longest = max(longest, current)
    return longest
