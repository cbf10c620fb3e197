# hint: call model.eval() first
def accuracy(model, images, labels):
    right = 0
    with torch.no_grad():
        for part, label in zip(images.split(1000), labels.split(1000)):
            right += (model(prepare(part)).argmax(dim=1) == label).sum().item()
    return right / len(images)
