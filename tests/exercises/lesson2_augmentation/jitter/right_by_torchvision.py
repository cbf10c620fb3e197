from torchvision.transforms.functional import adjust_brightness, adjust_contrast


def jitter(image, brightness, contrast):
    flat = image.reshape(1, 1, -1)
    return adjust_contrast(adjust_brightness(flat, brightness), contrast).reshape(image.shape)
