def count_parameters(widths):
    before, after, *others = widths
    convolution = (9 * before + 1) * after
    return convolution if not others else convolution + 2 * after + count_parameters([after, *others])
