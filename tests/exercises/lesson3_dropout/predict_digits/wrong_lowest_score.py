# hint: not those with the highest score
def predict_digits(model, images):
    was = model.training
    model.eval()
    read = (-model(images)).argmax(dim=1)  # the loss has a minus
    model.train(was)
    return read
