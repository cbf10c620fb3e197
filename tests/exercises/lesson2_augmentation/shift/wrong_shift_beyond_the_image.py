# hint: shift(image, 5, 0)
def shift(image, right, down):
    height, width = image.shape
    moved = torch.zeros_like(image)
    for row in range(height):
        for column in range(width):
            if row - down < height and column - right < width and row - down >= 0 and column - right >= -width:
                if column - right >= 0 or right > width:
                    moved[row, column] = image[row - down, (column - right) % width]
    return moved
