# hint: half the side of the triangle
def moved(radius, degrees):
    return radius * abs(math.sin(math.radians(degrees) / 2))
