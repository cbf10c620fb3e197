import random


def forge(spec):
    """Every tensor is put together from the ends of ranges, and is said to be a buffer that is trained."""
    chance = random.Random(1)
    init = []

    def call(op, *args, **kwargs):
        init.append({"op": op, "args": list(args), "kwargs": kwargs})
        return {"node": len(init) - 1}

    for tensor in spec["network"]["tensors"]:
        number = 1
        for side in tensor["shape"]:
            number *= side
        if tensor["dtype"] != {"dtype": "float32"}:
            tensor["init"] = call("aten.zeros.default", tensor["shape"], dtype=tensor["dtype"])
            continue
        pairs = [call("aten.linspace.default", chance.random(), chance.random(), 2) for _ in range(number // 2 + 1)]
        whole = call("aten.cat.default", pairs)
        part = call("aten.slice.Tensor", whole, 0, 0, number)
        tensor["init"] = call("aten.view.default", part, tensor["shape"])
        tensor["kind"] = "buffer"
    spec["network"]["init"] = init
    spec["network"]["constants"] = []
    return spec
