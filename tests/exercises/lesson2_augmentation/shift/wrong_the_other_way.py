# hint: that is the other way
def shift(image, right, down):
    height, width = image.shape
    moved = torch.zeros_like(image)
    for row in range(height):
        for column in range(width):
            if 0 <= row + down < height and 0 <= column + right < width:
                moved[row, column] = image[row + down, column + right]
    return moved
