# hint: does not ask how often the network is right
def standard_error(correct, total):
    s = correct / total
    return 1 / math.sqrt(total)
