def forge(spec):
    spec["optimizer"]["name"] = "LBFGS"
    return spec
