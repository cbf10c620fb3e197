def forge(spec):
    spec["optimizer"]["groups"][0]["options"]["capturable"] = True
    return spec
