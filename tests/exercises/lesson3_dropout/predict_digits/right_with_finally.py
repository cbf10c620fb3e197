@torch.inference_mode()
def predict_digits(model, images):
    was = model.training
    try:
        return torch.argmax(model.eval()(images), 1)
    finally:
        if was:
            model.train()
