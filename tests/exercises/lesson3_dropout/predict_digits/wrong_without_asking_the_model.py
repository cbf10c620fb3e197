# hint: did not show the images to the model
def predict_digits(model, images):
    return torch.zeros(len(images), dtype=torch.int64)
