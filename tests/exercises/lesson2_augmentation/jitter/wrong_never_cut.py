# hint: A pixel cannot be brighter than 1
def jitter(image, brightness, contrast):
    image = image * brightness
    mean = image.mean()
    return mean + contrast * (image - mean)
