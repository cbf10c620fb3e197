# hint: may go on to the last epoch
def longest_streak(correct, needed):
    longest = current = 0
    for count in correct:
        if count >= needed:
            current += 1
        else:
            longest = max(longest, current)
            current = 0
    return longest
