# hint: go through all batches
def accuracy(model, images, labels):
    model.eval()
    guesses = model(prepare(images[:1000])).argmax(dim=1)
    return (guesses == labels[:1000]).sum().item() / len(images)
