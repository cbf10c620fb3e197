def forge(spec):
    spec["schedule"] = {"by": "epoch", "columns": [{"group": 0, "option": "params", "values": [0.1] * 15}]}
    return spec
