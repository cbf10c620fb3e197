import json


def forge(spec):
    return json.dumps(spec) + " " * 5_000_000
