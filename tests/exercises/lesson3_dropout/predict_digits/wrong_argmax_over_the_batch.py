# hint: argmax over the ten classes, dim=1
def predict_digits(model, images):
    was = model.training
    model.eval()
    read = model(images).argmax(dim=0)
    model.train(was)
    return read
