# hint: The image that was handed in has changed
def shift(image, right, down):
    before = image.clone()
    height, width = image.shape
    image.zero_()
    for row in range(height):
        for column in range(width):
            if 0 <= row - down < height and 0 <= column - right < width:
                image[row, column] = before[row - down, column - right]
    return image
