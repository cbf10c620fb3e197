# hint: not per cent
def accuracy(model, images, labels):
    model.eval()
    guesses = torch.cat([model(prepare(part)).argmax(dim=1) for part in images.split(1000)])
    return 100 * (guesses == labels).float().mean().item()
