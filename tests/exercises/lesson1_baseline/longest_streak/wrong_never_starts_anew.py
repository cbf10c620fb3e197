# hint: consecutive epochs are wanted
def longest_streak(correct, needed):
    longest = current = 0
    for count in correct:
        if count >= needed:
            current += 1
        longest = max(longest, current)
    return longest
