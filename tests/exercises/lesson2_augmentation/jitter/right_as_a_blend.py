def jitter(image, brightness, contrast):
    image = torch.minimum(brightness * image, torch.tensor(1.0))
    grey = torch.full_like(image, image.mean().item())
    return (contrast * image + (1 - contrast) * grey).clip(0.0, 1.0)
