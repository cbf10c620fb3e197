# hint: has 9 weights for each channel it reads, not 3
def saved(before, old, new, after):
    gone = old - new
    return 3 * before * gone + 3 * gone + 3 * gone * after
