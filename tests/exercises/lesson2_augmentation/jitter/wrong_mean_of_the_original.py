# hint: Take the mean of the image as it is then
def jitter(image, brightness, contrast):
    mean = image.mean()
    image = (image * brightness).clamp(0, 1)
    return (mean + contrast * (image - mean)).clamp(0, 1)
