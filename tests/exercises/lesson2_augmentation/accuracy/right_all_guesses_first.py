@torch.no_grad()
def accuracy(model, images, labels):
    model.train(False)
    guesses = torch.cat([model(prepare(part)).max(dim=1).indices for part in images.split(1000)])
    return (guesses == labels).float().mean().item()
