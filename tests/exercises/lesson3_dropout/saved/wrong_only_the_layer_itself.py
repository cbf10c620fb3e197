# hint: The next layer reads the channels that are gone
def saved(before, old, new, after):
    gone = old - new
    return gone * (9 * before + 3)
