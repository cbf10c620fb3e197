"""The allow-list of operators, and the only way from a name in a spec to a function that runs.

A network is a list of calls of PyTorch's own (ATen) operators. The families below are allowed; they cover the usual
layers of `torch.nn` and functions of `torch` on images of this size. A harmless operator that is missing can be added:
it is one name in this table. Operators that read memory (`as_strided`), decide by values (`item`, `nonzero`), or reach
beyond tensors are left out on purpose.

A name stands for several overloads, and some of them do what the name does not say. `overload_problem` is the rule that
keeps these out; `tests/course/network/allowed_overloads.txt` lists what it lets in.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache, wraps
from typing import Any

from course.errors import SpecError

Operator = Callable[..., Any]

FAMILIES = {
    "convolution": "conv1d conv2d conv_transpose1d conv_transpose2d",
    "dense": "linear matmul mm bmm mv dot addmm baddbmm einsum bilinear outer scaled_dot_product_attention",
    "normalisation": "batch_norm layer_norm group_norm instance_norm rms_norm linalg_vector_norm norm "
    "norm_except_dim _weight_norm",
    "pooling": "max_pool1d max_pool2d avg_pool1d avg_pool2d adaptive_avg_pool1d adaptive_avg_pool2d "
    "adaptive_max_pool1d adaptive_max_pool2d max_pool2d_with_indices",
    "activation": "relu relu_ relu6 relu6_ leaky_relu leaky_relu_ elu elu_ selu selu_ celu celu_ gelu gelu_ silu silu_ "
    "mish mish_ hardtanh hardtanh_ hardswish hardswish_ hardsigmoid hardsigmoid_ sigmoid sigmoid_ tanh tanh_ softplus "
    "log_sigmoid prelu rrelu rrelu_ glu softmax log_softmax threshold threshold_ hardshrink softshrink",
    "dropout and noise": "dropout dropout_ feature_dropout feature_dropout_ alpha_dropout alpha_dropout_ "
    "feature_alpha_dropout bernoulli bernoulli_ rand rand_like randn randn_like normal_ uniform_",
    "arithmetic": "add add_ sub sub_ rsub mul mul_ div div_ pow pow_ sqrt sqrt_ rsqrt exp exp_ log log_ log1p expm1 "
    "abs abs_ neg neg_ square sign floor floor_ ceil round reciprocal sin cos erf clamp clamp_ clamp_min clamp_min_ "
    "clamp_max clamp_max_ minimum maximum lerp lerp_ addcmul addcdiv where masked_fill masked_fill_ floor_divide "
    "remainder gt lt ge le eq ne logical_and logical_or logical_xor logical_not bitwise_and bitwise_or bitwise_not "
    "__and__ __or__ __xor__ multiply subtract divide true_divide negative clip",
    "reduction": "mean sum amax amin max min var std var_mean std_mean logsumexp cumsum prod argmax argmin any all "
    "topk sort",
    "shape": "view reshape _unsafe_view view_as reshape_as flatten unflatten permute transpose transpose_ t numpy_T "
    "squeeze squeeze_ unsqueeze unsqueeze_ cat concat concatenate hstack ravel stack chunk split split_with_sizes "
    "unbind slice select narrow expand expand_as repeat repeat_interleave tile contiguous clone pad constant_pad_nd "
    "reflection_pad2d replication_pad2d pixel_shuffle pixel_unshuffle channel_shuffle roll flip rot90 movedim unfold "
    "im2col col2im diagonal upsample_nearest2d upsample_bilinear2d index index_select gather tril triu detach detach_ "
    "alias to type_as meshgrid broadcast_to swapaxes swapdims lift_fresh_copy copy_ fill_ zero_ _to_copy "
    "affine_grid_generator grid_sampler grid_sampler_2d",
    "new tensors": "zeros ones full arange linspace eye zeros_like ones_like full_like new_zeros new_ones new_full "
    "scalar_tensor empty empty_like new_empty",  # memory is never shown: `program` fills the last three with zeros
    "sizes": "sym_size sym_numel",
}

# allowed in addition where a constructor fills the initial weights
INIT_FAMILY = (
    "lift_fresh copy_ fill_ zero_ random_ exponential_ "
    "log_normal_ cauchy_ geometric_ randint randperm normal erfinv erfinv_ linalg_qr diag diagonal diagonal_copy t_ "
    "sign_ index_put_ index_fill_ trace linalg_norm"
)

# overloads of operators above that do what those are left out for
UNSAFE_OVERLOADS = {
    "view.dtype": "reads a tensor's memory as numbers of another type. Use x.to(...), which converts them",
    "where.default": "decides by values. Use torch.where with three arguments",
    "repeat_interleave.Tensor": "takes a size from a tensor's values. Use a size that is written out",
    "repeat_interleave.self_Tensor": "takes a size from a tensor's values. Use a size that is written out",
    "narrow.Tensor": "takes a size from a tensor's values. Use a size that is written out",
    "linspace.Tensor_Tensor": "turns a tensor into a Python number. Use a number that is written out",
    "linspace.Tensor_Scalar": "turns a tensor into a Python number. Use a number that is written out",
    "linspace.Scalar_Tensor": "turns a tensor into a Python number. Use a number that is written out",
    "mm.dtype": "sums in another precision. Leave out_dtype out",
    "bmm.dtype": "sums in another precision. Leave out_dtype out",
    "addmm.dtype": "sums in another precision. Leave out_dtype out",
    "baddbmm.dtype": "sums in another precision. Leave out_dtype out",
}
_TENSORS = re.compile(r"(Optional\[|List\[)*Tensor\]*")
_ARGUMENTS = re.compile(  # what a spec can hold: tensors, numbers, strings and lists of these
    r"((Optional|List)\[)*(Tensor|number|int|float|bool|str|Device|Generator)\]*"
)


def _size_operator(function: Callable[..., int]) -> Callable[..., int]:
    """`function` restricted to 64-bit integers: Python's operators would also multiply strings and lists, unbounded."""

    @wraps(function)
    def bounded(*sizes: int) -> int:
        if not all(type(size) is int for size in sizes):
            raise TypeError("a size is needed")
        result = function(*sizes)
        if abs(result) > 2**63 - 1:
            raise ValueError("a size has more than 64 bits")
        return result

    return bounded


# arithmetic on sizes, as in x.view(x.size(0), -1)
SIZE_OPERATORS: dict[str, Operator] = {
    **{
        f"size.{name}": _size_operator(getattr(operator, name))
        for name in ("add", "sub", "mul", "floordiv", "mod", "neg")
    },
    "size.getitem": operator.getitem,
}

# where and how a tensor is stored is up to the grader; a recipe cannot choose it
IGNORED_KEYWORDS = frozenset({"device", "layout", "pin_memory", "memory_format", "generator", "non_blocking", "copy"})

_NETWORK = frozenset(name for names in FAMILIES.values() for name in names.split())
_INIT = _NETWORK | frozenset(INIT_FAMILY.split())


def is_allowed(name: str, *, init: bool = False) -> bool:
    """Whether a network, or with `init` an init program, may call `name`, such as "aten.conv2d.default"."""
    if name in SIZE_OPERATORS:
        return True
    return _is_listed(name, init) and overload_problem(name) is None


def _is_listed(name: str, init: bool) -> bool:
    parts = name.split(".")
    return len(parts) == 3 and parts[0] == "aten" and parts[1] in (_INIT if init else _NETWORK)


@cache
def overload_problem(name: str) -> str | None:
    """Why this overload of a listed operator is not allowed, as the end of a sentence; None for one that is."""
    import torch

    _, packet_name, overload = name.split(".")
    packet = getattr(torch.ops.aten, packet_name)
    if overload not in packet.overloads():
        return f"does not exist in torch {torch.__version__}"
    schema = getattr(packet, overload)._schema
    if any(argument.is_out for argument in schema.arguments):
        return "writes into a tensor it is given, which is not allowed"
    if (problem := UNSAFE_OVERLOADS.get(f"{packet_name}.{overload}")) is not None:
        return problem
    if re.search(r"(?i)name", overload):  # such as `dimname`; PyTorch 2.14 has none of them any more
        return "names dimensions. Use their numbers"
    returned = [str(result.type) for result in schema.returns]
    gives_tensors = bool(returned) and all(_TENSORS.fullmatch(kind) for kind in returned)
    is_size = packet_name in FAMILIES["sizes"].split() and returned == ["int"]
    if (
        not (gives_tensors or is_size)
        or not all(_ARGUMENTS.fullmatch(str(argument.type)) for argument in schema.arguments)
        or overload.startswith("prim_")
        or overload.endswith("hacked_twin")  # these two are for TorchScript
    ):
        return "is not one that computes tensors from tensors and numbers, which is not allowed"
    return None


@cache
def resolve(name: str, *, init: bool = False) -> Operator:
    """The operator called `name`. Raises SpecError when it is not on the list."""
    if name in SIZE_OPERATORS:
        return SIZE_OPERATORS[name]
    if not _is_listed(name, init):
        raise SpecError(f"The operator {name[:60]!r} is not on the list of allowed operators.")
    if (problem := overload_problem(name)) is not None:
        raise SpecError(f"The operator {name[:60]!r} {problem}.")
    import torch

    _, packet_name, overload = name.split(".")
    op: Operator = getattr(getattr(torch.ops.aten, packet_name), overload)
    return op


def _schema_arguments(op: Operator) -> Sequence[Any]:
    """The arguments that an operator of PyTorch declares; () for a size operator, which declares none."""
    schema = getattr(op, "_schema", None)
    return () if schema is None else schema.arguments


def check_call(op: Operator, positional: int, keywords: Sequence[str]) -> None:
    """Compare a call with the operator's own schema. Raises SpecError."""
    schema = getattr(op, "_schema", None)
    if schema is None:  # a size operator
        if keywords or positional > 2:
            raise SpecError(f"{op.__name__} is called with {positional} arguments and {len(keywords)} keywords.")
        return
    if positional > sum(not argument.kwarg_only for argument in schema.arguments):
        raise SpecError(f"{schema.name} is called with {positional} arguments, more than it takes.")
    known = {argument.name for argument in schema.arguments} - IGNORED_KEYWORDS
    unknown = [keyword for keyword in keywords if keyword not in known]
    if unknown:
        raise SpecError(f"{schema.name} is called with {unknown[0]!r}, which it does not take here.")


def bind(op: Operator, args: Sequence[Any], kwargs: Mapping[str, Any], *, defaults: bool = False) -> dict[str, Any]:
    """A call's arguments by the names in the operator's schema. Raises SpecError when they do not fit it.

    `defaults` adds arguments that the call leaves out, so that all which the schema names are there. The arguments of a
    size operator have no names; they are called "0" and "1".
    """
    check_call(op, len(args), tuple(kwargs))
    declared = _schema_arguments(op)
    names = [argument.name for argument in declared] or [str(position) for position in range(len(args))]
    bound = dict(zip(names, args, strict=False))
    if duplicate := next((name for name in kwargs if name in bound), None):
        raise SpecError(f"An operator is given its argument {duplicate!r} twice.")
    bound |= kwargs
    if defaults:
        for argument in declared:
            if argument.name not in bound:
                if not argument.has_default_value():
                    raise SpecError(f"An operator is called without its argument {argument.name!r}.")
                bound[argument.name] = argument.default_value
    return bound


@cache
def argument_position(op: Operator, name: str) -> int:
    """The position of an operator's argument. Raises ValueError when it has no argument of that name."""
    return [argument.name for argument in _schema_arguments(op)].index(name)


@cache
def takes_device(op: Operator) -> bool:
    """Whether the operator creates a tensor on a device that the call names."""
    return any(argument.name == "device" for argument in _schema_arguments(op))


# Arguments that say where or how large and put no number into the computation. Every other number in a call is a value.
STRUCTURAL_ARGUMENTS = frozenset(
    "axis0 axis1 chunks destination diagonal dilation dim dim0 dim1 dim2 dimension dims downscale_factor dtype "
    "end_dim groups index interpolation_mode k kernel_size length normalized_shape num_groups offset "
    "out_dtype output_padding output_size pad padding padding_mode path repeats shape shifts size sizes source "
    "split_size split_sizes start_dim steps stride upscale_factor".split()
)
_STRUCTURAL_IN = {  # names that mean a value elsewhere: arange(start, end, step), normal(std) ...
    "slice": frozenset({"start", "end", "step"}),
    "narrow": frozenset({"start"}),
    "unfold": frozenset({"step"}),
    "eye": frozenset({"n", "m"}),
    "randperm": frozenset({"n"}),
}


@cache
def structural_arguments(op: Operator) -> frozenset[int | str]:
    """Positions and names of the arguments whose numbers are sizes, places or modes.

    All others are values, of an operator that is new here too. "0" and "1" are a size operator's names.
    """
    if op is SIZE_OPERATORS["size.getitem"]:
        return frozenset({1, "1"})
    schema = getattr(op, "_schema", None)
    name = "" if schema is None else schema.name.removeprefix("aten::")
    structural = STRUCTURAL_ARGUMENTS | _STRUCTURAL_IN.get(name, frozenset())
    return frozenset(
        key
        for position, argument in enumerate(_schema_arguments(op))
        if argument.name in structural
        for key in (position, argument.name)
    )
