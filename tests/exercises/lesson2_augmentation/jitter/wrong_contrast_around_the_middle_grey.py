# hint: around the image's own mean
def jitter(image, brightness, contrast):
    image = (image * brightness).clamp(0, 1)
    return (0.5 + contrast * (image - 0.5)).clamp(0, 1)
