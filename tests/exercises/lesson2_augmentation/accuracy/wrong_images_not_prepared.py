# hint: the images have to go through prepare
def accuracy(model, images, labels):
    model.eval()
    guesses = torch.cat([model(part[:, None].float() / 255).argmax(dim=1) for part in images.split(1000)])
    return (guesses == labels).float().mean().item()
