def forge(spec):
    spec["network"]["eval"]["nodes"][0]["args"][1] = "weight"
    return spec
