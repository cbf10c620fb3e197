def forge(spec):
    spec["network"]["eval"]["nodes"][0]["kwargs"] = {"out": {"tensor": 0}}
    return spec
