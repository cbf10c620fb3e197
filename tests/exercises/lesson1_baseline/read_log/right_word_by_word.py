def read_log(text):
    counts = []
    for line in text.splitlines():
        if line.startswith("Test set:"):
            fraction = line.split()[-2]  # such as 9940/10000
            counts.append(int(fraction.split("/")[0]))
    return counts
