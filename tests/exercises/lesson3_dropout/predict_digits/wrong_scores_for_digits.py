# hint: Those are scores
def predict_digits(model, images):
    was = model.training
    model.eval()
    read = model(images).max(dim=1).values
    model.train(was)
    return read
