def adam_step(weight, gradient, m, v, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    m = torch.lerp(m, gradient, 1 - beta1)
    v = torch.lerp(v, gradient * gradient, 1 - beta2)
    size = torch.sqrt(v / (1 - beta2**t)) + eps
    return torch.sub(weight, m / size, alpha=lr / (1 - beta1**t)), m, v
