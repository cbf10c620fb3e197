# hint: it may come after a shorter one
def longest_streak(correct, needed):
    length = 0
    for count in correct:
        if count >= needed:
            length += 1
        elif length:
            break
    return length
