def adam_step(weight, gradient, m, v, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    weight, m, v = weight.clone(), m.clone(), v.clone()
    m.mul_(beta1).add_(gradient, alpha=1 - beta1)
    v.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
    weight -= lr * (m / (1 - beta1**t)) / ((v / (1 - beta2**t)) ** 0.5 + eps)
    return weight, m, v
