from torchvision.transforms.functional import normalize


def normalise(image):
    scaled = image.unsqueeze(0).float().div(255)
    return normalize(scaled.reshape(1, 1, -1), (0.1307,), (0.3081,)).reshape(image.shape)
