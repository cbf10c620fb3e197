def forge(spec):
    spec["network"]["eval"]["nodes"][0]["args"][1] = {"tensor": 3999}
    return spec
