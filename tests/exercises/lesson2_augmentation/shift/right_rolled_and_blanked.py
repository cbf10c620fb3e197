def shift(image, right, down):
    height, width = image.shape
    if abs(right) >= width or abs(down) >= height:
        return torch.zeros_like(image)
    moved = torch.roll(image, shifts=(down, right), dims=(0, 1))
    if down > 0:
        moved[:down] = 0
    if down < 0:
        moved[down:] = 0
    if right > 0:
        moved[:, :right] = 0
    if right < 0:
        moved[:, right:] = 0
    return moved
