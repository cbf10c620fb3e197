def standard_error(correct, total):
    right = torch.zeros(total, dtype=torch.float64)
    right[:correct] = 1
    return (right.std(correction=0) / math.sqrt(total)).item()
