# hint: the mean has to be taken away from every pixel
def normalise(image):
    return image.float() / 255 / 0.3081
