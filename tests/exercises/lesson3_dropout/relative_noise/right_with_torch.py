def relative_noise(p, n):
    return torch.tensor(p / ((1 - p) * n), dtype=torch.float64).sqrt().item()
