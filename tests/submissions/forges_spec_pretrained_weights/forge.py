def forge(spec):
    spec["network"]["tensors"][0]["init"] = {"shape": [4, 1, 5, 5], "dtype": {"dtype": "float32"}, "values": [0.1] * 8000}
    return spec
