# hint: divide by 255 first
def normalise(image):
    return (image.float() - 0.1307) / 0.3081
