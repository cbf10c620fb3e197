# hint: three numbers with it
def saved(before, old, new, after):
    gone = old - new
    return 9 * before * gone + 2 * gone + 9 * gone * after
