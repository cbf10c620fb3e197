"""Replaces operators by the kernels for CPUs, and fuses batch norm with a following ReLU and dropout.

The results are equal but for rounding, and for the random numbers that dropout draws.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from course.network import kernels
from course.network.operators import Operator, bind
from course.network.program import Call, ValueRef

_BATCH_NORM, _DROPOUT = "aten.batch_norm.default", "aten.dropout.default"
_RELUS = ("aten.relu.default", "aten.relu_.default")
_KERNELS: dict[str, Operator] = {
    "aten.conv2d.default": kernels.conv2d,
    "aten.instance_norm.default": kernels.instance_norm,
    "aten.max_pool2d.default": kernels.max_pool2d,
    _DROPOUT: kernels.dropout,
}


def fuse(calls: list[Call], output: int | None) -> list[Call]:
    """The calls with kernels in place of operators; `output` is the index of the graph's output.

    Only neighbours are fused, and only where nothing else reads the value between them.
    """
    readers = Counter(index for call in calls for index in call.reads)
    if output is not None:
        readers[output] += 1
    fused: list[Call] = []
    for call in calls:
        previous = fused[-1] if fused else None
        if previous is not None and readers[previous.output] == 1 and (option := _absorbed_as(call, previous)):
            name, kwargs = f"{previous.name} + {call.name}", {**previous.kwargs, **option}
            fused[-1] = replace(previous, output=call.output, name=name, kwargs=kwargs)
        else:
            fused.append(_with_kernel(call))
    return fused


def _with_kernel(call: Call) -> Call:
    """The call with the kernel for its operator, if there is one."""
    if call.name == _BATCH_NORM:  # by name, so that fusion adds options whatever their order
        return replace(call, op=kernels.batch_norm, args=(), kwargs=bind(call.op, call.args, call.kwargs))
    if call.name in _KERNELS and not call.kwargs:
        return replace(call, op=_KERNELS[call.name])
    return call


def _absorbed_as(call: Call, previous: Call) -> dict[str, bool | float]:
    """The option with which `kernels.batch_norm` in `previous` computes `call` as well; {} if it cannot."""
    if previous.op is not kernels.batch_norm or call.args[:1] != (ValueRef(previous.output),):
        return {}
    if call.name in _RELUS and "relu" not in previous.kwargs:
        return {"relu": True}
    if call.name == _DROPOUT and "relu" in previous.kwargs and "p" not in previous.kwargs:
        arguments = bind(call.op, call.args, call.kwargs)
        p = arguments.get("p")
        if arguments.get("train") is True and isinstance(p, float) and 0 < p < 1:
            return {"p": p}
    return {}
