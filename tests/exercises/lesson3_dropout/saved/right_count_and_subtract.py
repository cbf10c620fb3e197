def saved(before, old, new, after):
    def both(width):
        return 9 * before * width + width + 2 * width + 9 * width * after + after

    return both(old) - both(new)
