def read_log(text):
    tests = [line for line in text.split("\n") if "Average loss" in line]
    return [int(line.partition("Accuracy:")[2].partition("/")[0]) for line in tests]
