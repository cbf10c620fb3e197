# hint: The layer itself has fewer filters too
def saved(before, old, new, after):
    gone = old - new
    return 9 * gone * after
