# hint: goes up once and not back
def one_cycle_rate(step, total, peak, pct_start=0.3):
    start, top, last = peak / 25, pct_start * total - 1, total - 1
    end = start / 10_000
    if step < top + 0.5:
        a, b, done = start, peak, step / top
    else:
        a, b, done = peak, end, (step - top) / (last - top)
    return a + (b - a) * (1 - math.cos(2 * math.pi * done)) / 2 if step < top else a + (b - a) * (1 - math.cos(math.pi * done)) / 2
