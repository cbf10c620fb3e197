# hint: A pixel cannot be darker than 0
def jitter(image, brightness, contrast):
    image = (image * brightness).clamp(max=1)
    mean = image.mean()
    return (mean + contrast * (image - mean)).clamp(max=1)
