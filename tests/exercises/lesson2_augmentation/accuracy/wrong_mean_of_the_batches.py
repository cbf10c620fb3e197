# hint: the last batch is smaller than the others
def accuracy(model, images, labels):
    model.eval()
    means = []
    for part, label in zip(images.split(1000), labels.split(1000)):
        means.append((model(prepare(part)).argmax(dim=1) == label).float().mean())
    return torch.stack(means).mean().item()
