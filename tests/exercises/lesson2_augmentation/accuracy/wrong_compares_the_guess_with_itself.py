# hint: compare what was read with the labels
def accuracy(model, images, labels):
    model.eval()
    right = 0
    for part in images.split(1000):
        outputs = model(prepare(part))
        right += (outputs.argmax(dim=1) == outputs.max(dim=1).indices).sum().item()
    return right / len(images)
