def forge(spec):
    inner = 1
    for _ in range(50):
        inner = [inner]
    spec["network"]["eval"]["nodes"][0]["args"].append(inner)
    return spec
