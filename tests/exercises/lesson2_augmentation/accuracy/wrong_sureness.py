# hint: count those whose highest output is the label
def accuracy(model, images, labels):
    model.eval()
    sure = [model(prepare(part)).softmax(dim=1).max(dim=1).values for part in images.split(1000)]
    return torch.cat(sure).mean().item()
