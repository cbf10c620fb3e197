import torch

MEAN, STD = 0.1307, 0.3081


def normalise(image):
    pixels = image.to(torch.float32)
    pixels /= 255.0
    pixels -= MEAN
    pixels /= STD
    return pixels
