# hint: sets the flag of the outer module alone
def predict_digits(model, images):
    model.training = False
    with torch.no_grad():
        read = model(images).argmax(dim=1)
    model.training = True
    return read
