# hint: the training accuracy; the test set has a line of its own
import re


def read_log(text):
    return [float(accuracy) for accuracy in re.findall(r"Accuracy=([\d.]+)", text)]
