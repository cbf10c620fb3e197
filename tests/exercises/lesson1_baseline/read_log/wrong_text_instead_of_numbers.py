# hint: Make integers
import re


def read_log(text):
    return re.findall(r"Accuracy: (\d+)/", text)
