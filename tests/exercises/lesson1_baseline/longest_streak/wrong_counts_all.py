# hint: consecutive epochs are wanted
def longest_streak(correct, needed):
    return sum(count >= needed for count in correct)
