# hint: measured, not learned
def saved(before, old, new, after):
    gone = old - new
    return 9 * before * gone + gone + 4 * gone + 9 * gone * after
