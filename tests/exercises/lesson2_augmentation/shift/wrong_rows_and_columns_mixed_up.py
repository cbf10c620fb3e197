# hint: right is along the columns
def shift(image, right, down):
    height, width = image.shape
    moved = torch.zeros_like(image)
    for row in range(height):
        for column in range(width):
            if 0 <= row - right < height and 0 <= column - down < width:
                moved[row, column] = image[row - right, column - down]
    return moved
