# hint: you left it in eval mode
def predict_digits(model, images):
    model.eval()
    with torch.no_grad():
        return model(images).argmax(dim=1)
