# hint: Black is (0 - 0.1307) / 0.3081
def normalise(image):
    return (image.float() / 255 - 0.3081) / 0.1307
