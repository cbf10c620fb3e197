def accuracy(model, images, labels):
    model.eval()
    right = 0
    with torch.no_grad():
        for start in range(0, len(images), 1000):
            outputs = model(prepare(images[start : start + 1000]))
            right += int((outputs.argmax(1) == labels[start : start + 1000]).sum())
    return right / len(labels)
