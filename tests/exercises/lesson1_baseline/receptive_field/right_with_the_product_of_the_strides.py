import math


def receptive_field(layers):
    strides = [stride for _, stride in layers]
    return 1 + sum((layers[i][0] - 1) * math.prod(strides[:i]) for i in range(len(layers)))
