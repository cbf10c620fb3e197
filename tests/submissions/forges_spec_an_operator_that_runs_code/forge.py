def forge(spec):
    spec["network"]["train"]["nodes"][0]["op"] = "os.system.default"
    return spec
