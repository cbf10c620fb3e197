# hint: the wrong way round
def saved(before, old, new, after):
    gone = old - new
    return -gone * (9 * before + 3 + 9 * after)
