def moved(radius, degrees):
    return math.sqrt(2 * radius**2 * (1 - math.cos(degrees * math.pi / 180)))
