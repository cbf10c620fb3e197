# hint: that is the way along the circle
def moved(radius, degrees):
    return radius * abs(math.radians(degrees))
