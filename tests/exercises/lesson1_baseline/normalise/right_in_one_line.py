def normalise(image):
    return (image / 255 - 0.1307) / 0.3081
