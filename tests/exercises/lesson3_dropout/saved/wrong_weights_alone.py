# hint: takes a bias with it
def saved(before, old, new, after):
    gone = old - new
    return 9 * before * gone + 9 * gone * after
