# hint: no_grad() only stops recording gradients
def predict_digits(model, images):
    with torch.no_grad():
        return model(images).argmax(dim=1)
