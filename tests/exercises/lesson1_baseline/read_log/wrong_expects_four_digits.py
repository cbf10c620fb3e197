# hint: may have fewer than 1,000 right
import re


def read_log(text):
    return [int(count) for count in re.findall(r"Accuracy: (\d{4})/", text)]
