# hint: divide the count by the number of images
def accuracy(model, images, labels):
    model.eval()
    guesses = torch.cat([model(prepare(part)).argmax(dim=1) for part in images.split(1000)])
    return (guesses == labels).sum().item()
