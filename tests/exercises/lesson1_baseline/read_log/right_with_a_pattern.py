import re


def read_log(text):
    return [int(count) for count in re.findall(r"Accuracy: (\d+)/", text)]
