def accuracy(model, images, labels):
    was = model.training
    model.eval()
    total = 0.0
    with torch.inference_mode():
        for part, told in zip(images.split(1000), labels.split(1000)):
            total += (model(prepare(part)).argmax(dim=-1) == told).double().mean().item() * len(part)
    model.train(was)
    return total / len(images)
