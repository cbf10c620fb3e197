def forge(spec):
    spec["test_transform"].insert(0, spec["train_transform"][0])
    return spec
