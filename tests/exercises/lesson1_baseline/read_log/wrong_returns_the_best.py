# hint: A list is wanted
import re


def read_log(text):
    return max(int(count) for count in re.findall(r"Accuracy: (\d+)/", text))
