"""What operators do to the elements of a table: move them, compute each by itself, or mix them; and which are linear.

An operator in none of these groups mixes its elements and is not linear. So one that is new counts in full.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course.network.operators import FAMILIES
from course.network.program import Call, ValueRef


def _names(*texts: str) -> frozenset[str]:
    return frozenset(name for text in texts for name in text.split())


KEEP = _names(  # each element stays where it is
    "to _to_copy type_as contiguous clone detach alias lift_fresh_copy dropout feature_dropout alpha_dropout "
    "feature_alpha_dropout"
)
MOVE = _names(  # each element of the result is one of the elements, or a constant
    "view reshape _unsafe_view view_as reshape_as flatten unflatten permute transpose t numpy_T squeeze unsqueeze cat "
    "concat concatenate hstack ravel stack chunk split split_with_sizes unbind slice select narrow expand expand_as "
    "repeat repeat_interleave tile pad constant_pad_nd reflection_pad2d replication_pad2d pixel_shuffle "
    "pixel_unshuffle channel_shuffle roll flip rot90 movedim unfold im2col diagonal index index_select gather tril "
    "triu meshgrid broadcast_to swapaxes swapdims upsample_nearest2d"
)
MOVE_BY_INDEX = _names("index index_select gather")
FILL = _names("copy fill zero")
EACH = _names(FAMILIES["activation"], FAMILIES["arithmetic"]) - _names("prelu rrelu rrelu_ glu softmax log_softmax")
SUMS = KEEP | MOVE | FILL
SUMS |= _names(
    "add sub rsub subtract neg negative sum mean cumsum where masked_fill avg_pool1d avg_pool2d adaptive_avg_pool1d "
    "adaptive_avg_pool2d upsample_bilinear2d col2im"
)
PRODUCTS = _names(
    "mul multiply matmul mm bmm mv dot outer linear addmm baddbmm addcmul lerp einsum bilinear conv1d conv2d "
    "conv_transpose1d conv_transpose2d"
)
QUOTIENTS = _names("div divide true_divide")
POWERS = _names("pow square")
NOT_LINEAR = 1_000_000  # a degree


def base_name(call: Call) -> str:
    """`add` for `aten.add_.Tensor`."""
    name = call.name.split(".")[1]
    return name if name.startswith("__") or not name.endswith("_") else name[:-1]


def is_in_place(call: Call) -> bool:
    """Whether the call changes its first argument."""
    name = call.name.split(".")[1]
    return name.endswith("_") and not name.startswith("__")


def degree_of(call: Call, degrees: list[int], inputs: list[Tensor], result: Tensor) -> int:
    """The degree of a polynomial of the tables' elements, from the degrees of a call's inputs, in order.

    An input of one number has the degree 0: it scales all elements alike.
    """
    name = base_name(call)
    if not all(_keeps_every_bit(value, result) for value in inputs):
        return NOT_LINEAR
    if result.dtype is torch.uint8 and name not in KEEP | MOVE | FILL:
        return NOT_LINEAR  # 256 is 0
    if name in SUMS:
        return max(degrees, default=0)
    if name in PRODUCTS:
        return sum(degrees)
    if name in QUOTIENTS and "mode" not in call.name and (len(degrees) < 2 or degrees[-1] == 0):
        return degrees[0] if isinstance(call.args[0], ValueRef) else NOT_LINEAR
    exponent = 2 if name == "square" else call.args[1] if name == "pow" and len(call.args) > 1 else None
    if name in POWERS and isinstance(exponent, int) and exponent in (1, 2, 3):
        return degrees[0] * exponent if isinstance(call.args[0], ValueRef) else NOT_LINEAR
    return NOT_LINEAR


_WIDTHS = {  # of a type, in order
    name: width
    for width, name in enumerate((torch.bool, torch.uint8, torch.int32, torch.float32, torch.int64, torch.float64))
}


def _keeps_every_bit(before: Tensor, after: Tensor) -> bool:
    """Whether a conversion loses nothing of integers up to 2**24 and of floats."""
    if not before.is_floating_point():
        return after.is_floating_point() or _WIDTHS[after.dtype] >= _WIDTHS[before.dtype]
    return after.is_floating_point() and _WIDTHS[after.dtype] >= _WIDTHS[before.dtype]
