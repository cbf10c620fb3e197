def forge(spec):
    return spec
