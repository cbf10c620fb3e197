def forge(spec):
    spec["schedule"] = {"by": "batch", "columns": [{"group": 0, "option": "lr", "values": [0.1, 0.2]}]}
    return spec
