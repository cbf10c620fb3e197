# hint: A quarter turn moves it by 14.1
def moved(radius, degrees):
    return round(2 * radius * abs(math.sin(math.radians(degrees) / 2)))
