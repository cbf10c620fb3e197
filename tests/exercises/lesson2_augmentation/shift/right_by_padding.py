def shift(image, right, down):
    height, width = image.shape
    wide = torch.zeros(3 * height, 3 * width, dtype=image.dtype)
    wide[height : 2 * height, width : 2 * width] = image
    right, down = max(-width, min(right, width)), max(-height, min(down, height))
    return wide[height - down : 2 * height - down, width - right : 2 * width - right].clone()
