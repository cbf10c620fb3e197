def standard_error(correct, total):
    wrong = total - correct
    variance_of_the_count = correct * wrong / total
    return math.sqrt(variance_of_the_count) / total
