from itertools import groupby


def longest_streak(correct, needed):
    reached = groupby(correct, key=lambda count: count >= needed)
    return max((len(list(group)) for enough, group in reached if enough), default=0)
