import cmath


def moved(radius, degrees):
    return abs(radius * cmath.exp(1j * math.pi * degrees / 180) - radius)
