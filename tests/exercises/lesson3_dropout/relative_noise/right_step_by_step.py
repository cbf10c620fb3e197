def relative_noise(p, n):
    one = p * (1 - p) / (1 - p) ** 2
    variance_of_the_sum = n * one
    return math.sqrt(variance_of_the_sum) / n
