# hint: math.sin takes radians
def moved(radius, degrees):
    return 2 * radius * abs(math.sin(degrees / 2))
