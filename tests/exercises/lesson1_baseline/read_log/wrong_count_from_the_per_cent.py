# hint: The count stands before the slash
import re


def read_log(text):
    return [round(100 * float(percent)) for percent in re.findall(r"\(([\d.]+)%\)", text)]
