def jitter(image, brightness, contrast):
    bright = torch.clamp(image * brightness, 0, 1)
    return torch.clamp((bright - bright.mean()) * contrast + bright.mean(), 0, 1)
