# hint: the rule compares counts
import re


def read_log(text):
    return [float(percent) for percent in re.findall(r"\(([\d.]+)%\)", text)]
