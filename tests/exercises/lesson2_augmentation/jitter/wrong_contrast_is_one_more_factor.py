# hint: contrast is not one more factor of brightness
def jitter(image, brightness, contrast):
    return (image * brightness * contrast).clamp(0, 1)
