# hint: the first step does nothing
def one_cycle_rate(step, total, peak, pct_start=0.3):
    start, top, last = 0.0, pct_start * total - 1, total - 1
    end = peak / 250_000
    if step <= top:
        a, b, done = start, peak, step / top
    else:
        a, b, done = peak, end, (step - top) / (last - top)
    return a + (b - a) * (1 - math.cos(math.pi * done)) / 2
