def half_cosine(a, b, done):
    return b + (a - b) / 2 * (1 + math.cos(math.pi * done))


def one_cycle_rate(step, total, peak, pct_start=0.3):
    top = pct_start * total - 1
    if step < top:
        return half_cosine(peak / 25, peak, step / top)
    return half_cosine(peak, peak / 250_000, (step - top) / (total - 1 - top))
