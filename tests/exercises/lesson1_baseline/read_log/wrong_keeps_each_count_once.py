# hint: equal ones are all kept
import re


def read_log(text):
    counts = []
    for found in re.findall(r"Accuracy: (\d+)/", text):
        if int(found) not in counts:
            counts.append(int(found))
    return counts
