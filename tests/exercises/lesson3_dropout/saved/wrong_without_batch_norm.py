# hint: takes the scale and the shift of its batch norm with it
def saved(before, old, new, after):
    gone = old - new
    return 9 * before * gone + gone + 9 * gone * after
