# hint: Black is (0 - 0.1307) / 0.3081
def normalise(image):
    pixels = image.float() / 255
    return (pixels - pixels.mean()) / pixels.std()
