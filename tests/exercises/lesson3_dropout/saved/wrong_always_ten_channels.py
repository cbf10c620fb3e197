# hint: use all four numbers
def saved(before, old, new, after):
    gone = old - new
    return 10 * (9 * before + 3 + 9 * after)
