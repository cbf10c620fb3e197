# hint: The next layer keeps its biases
def saved(before, old, new, after):
    gone = old - new
    return 9 * before * gone + 3 * gone + 9 * gone * after + gone
