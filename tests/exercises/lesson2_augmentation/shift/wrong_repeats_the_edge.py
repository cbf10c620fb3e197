# hint: what comes in is background
def shift(image, right, down):
    height, width = image.shape
    rows = (torch.arange(height) - down).clamp(0, height - 1)
    columns = (torch.arange(width) - right).clamp(0, width - 1)
    return image[rows][:, columns]
