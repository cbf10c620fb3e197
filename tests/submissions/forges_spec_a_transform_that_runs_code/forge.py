def forge(spec):
    spec["train_transform"][0]["name"] = "Lambda"
    return spec
