def moved(radius, degrees):
    angle = math.radians(degrees)
    x, y = radius * math.cos(angle), radius * math.sin(angle)
    return math.hypot(x - radius, y)
