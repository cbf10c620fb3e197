# hint: a distance is never negative
def moved(radius, degrees):
    return 2 * radius * math.sin(math.radians(degrees) / 2)
