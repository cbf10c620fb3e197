import json


def forge(spec):
    return json.dumps(spec).replace("0.1,", "9" * 100_000 + ",")
