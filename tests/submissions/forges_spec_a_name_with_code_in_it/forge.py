def forge(spec):
    spec["network"]["eval"]["nodes"][0]["op"] = "aten.relu.default(x); __import__('os')"
    return spec
