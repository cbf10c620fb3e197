# hint: put back what you found
def predict_digits(model, images):
    model.eval()
    with torch.no_grad():
        read = model(images).argmax(dim=1)
    model.train()
    return read
