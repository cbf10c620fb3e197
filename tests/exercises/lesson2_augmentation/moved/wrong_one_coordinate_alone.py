# hint: both coordinates change
def moved(radius, degrees):
    return radius * (1 - math.cos(math.radians(degrees)))
