# hint: call model.eval() first
def predict_digits(model, images):
    return model(images).argmax(dim=1)
