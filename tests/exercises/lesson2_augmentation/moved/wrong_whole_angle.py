# hint: half the angle
def moved(radius, degrees):
    return 2 * radius * abs(math.sin(math.radians(degrees)))
