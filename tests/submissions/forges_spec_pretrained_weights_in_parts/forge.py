def forge(spec):
    constant = {"shape": [100], "dtype": {"dtype": "float32"}, "values": [0.1] * 100}
    spec["network"]["constants"] = [constant] * 30
    return spec
