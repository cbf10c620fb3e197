# hint: The image that was handed in has changed
def jitter(image, brightness, contrast):
    image *= brightness
    image.clamp_(0, 1)
    mean = image.mean()
    image -= mean
    image *= contrast
    image += mean
    return image.clamp_(0, 1)
