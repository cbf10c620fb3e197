def longest_streak(correct, needed):
    marks = "".join("x" if count >= needed else " " for count in correct)
    return max(map(len, marks.split()), default=0)
