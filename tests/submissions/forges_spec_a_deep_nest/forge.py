def forge(spec):
    return "[" * 100_000 + "]" * 100_000
