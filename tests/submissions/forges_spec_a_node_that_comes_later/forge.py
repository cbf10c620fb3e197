def forge(spec):
    spec["network"]["eval"]["nodes"][0]["args"][0] = {"node": 5}
    return spec
