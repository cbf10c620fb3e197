# hint: shift(image, -1, -2)
def shift(image, right, down):
    height, width = image.shape
    right, down = max(right, 0), max(down, 0)
    moved = torch.zeros_like(image)
    moved[down:, right:] = image[: max(height - down, 0), : max(width - right, 0)]
    return moved
