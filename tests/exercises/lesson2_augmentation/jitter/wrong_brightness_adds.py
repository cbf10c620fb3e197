# hint: Brightness multiplies: black stays black
def jitter(image, brightness, contrast):
    image = (image + brightness - 1).clamp(0, 1)
    mean = image.mean()
    return (mean + contrast * (image - mean)).clamp(0, 1)
