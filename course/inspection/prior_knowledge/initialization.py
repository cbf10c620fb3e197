"""Initial weights are random draws and simple functions of them; how much else their making may hold is bounded here.

All that the author of a recipe can put into initial weights is written in the init program: its operations with all of
their arguments, its constants, and which of its values each tensor starts from. So the program itself is bounded,
whatever it computes and whatever a spec calls the tensors. It is written as briefly as possible (`_Writer`, then
LZMA). No program of n bytes makes tensors that hold more than n bytes of anybody's choice, because these bytes are
enough to make them again; and the draws depend on a seed that the author cannot know.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from course import spec
from course.network import Program
from course.network.program import Call, ValueRef

# SECURITY.md lists the largest honest and the smallest pretrained networks that were tried
MAX_BYTES = 1_536
MAX_TENSOR_BYTES = 768
MAX_NUMBERS = 128
MAX_TENSOR_OPERATIONS = 2_000  # nn.init.sparse_ takes six for each column
_LZMA = {"id": lzma.FILTER_LZMA1, "dict_size": 2**20, "lc": 0, "lp": 0, "pb": 0}  # the shortest for such text
_ADVICE = (
    "Initial weights are random draws and simple functions of them: fill them with torch.nn.init; "
    "pretrained weights are not accepted."
)


def initialization_problems(network: spec.Network) -> list[str]:
    """A sentence for each limit that the making of the initial weights exceeds. Raises SpecError."""
    problems = []
    if (numbers := count_numbers(network)) > MAX_NUMBERS:
        problems.append(
            f"{numbers:,} different numbers are written into the making of the initial weights, and {MAX_NUMBERS} are "
            f"allowed. {_ADVICE}"
        )
    if (total := program_bytes(network)) > MAX_BYTES:
        problems.append(
            f"The making of the initial weights takes {total:,} bytes when it is written as briefly as possible, and "
            f"{MAX_BYTES:,} are allowed. {_ADVICE}"
        )
    for tensor, part in tensor_parts(network):
        # no part of a small program is large
        size = _compressed(network, part, [tensor]) if total > MAX_TENSOR_BYTES else total
        if size > MAX_TENSOR_BYTES or len(part) > MAX_TENSOR_OPERATIONS:
            problems.append(
                f"The initial values of {tensor.name!r} take {len(part):,} operations and {size:,} bytes, and "
                f"{MAX_TENSOR_OPERATIONS:,} and {MAX_TENSOR_BYTES:,} are allowed. {_ADVICE}"
            )
            break
    return problems


def count_numbers(network: spec.Network) -> int:
    """How many different numbers the init program and all constants hold, sizes and positions included.

    A number and its negative count once, and so do integers that follow each other, such as the indices of a loop.
    """
    arguments = [argument for node in network.init for argument in (*node.args, *node.kwargs.values())]
    written = [*spec.leaves(arguments), *(value for constant in _constants(network) for value in constant.values)]
    numbers = {abs(number) for number in written if isinstance(number, int | float)}
    whole = {number for number in numbers if number == int(number)}
    return len(numbers - whole) + sum(number - 1 not in whole for number in whole)


def program_bytes(network: spec.Network) -> int:
    """The size of the init program with its constants, written as briefly as possible."""
    return _compressed(network, range(len(network.init)), network.tensors)


def tensor_parts(network: spec.Network) -> Iterator[tuple[spec.Tensor, list[int]]]:
    """Each tensor with the nodes of the init program that it depends on, also by what they write into its memory."""
    meta = torch.device("meta")
    program = Program(network.init, len(network.constants), None, init=True)
    constants = [torch.empty(c.shape, dtype=getattr(torch, c.dtype.dtype), device=meta) for c in network.constants]
    with torch.no_grad():
        values = program.run(None, constants, meta)
    memory = [value.untyped_storage()._cdata if isinstance(value, Tensor) else None for value in values]
    written = [{memory[index] for index in _written_values(call)} - {None} for call in program.calls]
    for tensor in network.tensors:
        needed = {program.first_node + tensor.init.node} if isinstance(tensor.init, spec.NodeRef) else set()
        reached = {memory[index] for index in needed}
        part = []
        for number in range(len(program.calls) - 1, -1, -1):
            call = program.calls[number]
            if call.output in needed or written[number] & reached:
                part.append(number)
                needed.update(call.reads)
                reached.update(memory[index] for index in (call.output, *call.reads))
        yield tensor, part[::-1]


def _written_values(call: Call) -> list[int]:
    """The values that the call writes into."""
    declared = call.op._schema.arguments if hasattr(call.op, "_schema") else ()
    arguments: dict[object, object] = dict([*enumerate(call.args), *call.kwargs.items()])
    writes = [key for i, a in enumerate(declared) if a.alias_info and a.alias_info.is_write for key in (i, a.name)]
    return [value.index for key in writes if isinstance(value := arguments.get(key), ValueRef)]


def _constants(network: spec.Network) -> list[spec.Constant]:
    return [*network.constants, *(tensor.init for tensor in network.tensors if isinstance(tensor.init, spec.Constant))]


def _compressed(network: spec.Network, nodes: Sequence[int], tensors: Sequence[spec.Tensor]) -> int:
    """The bytes that it takes to write these nodes and what the tensors start from."""
    writer = _Writer(nodes)
    lines = [writer.node(number, network.init[number]) for number in nodes]
    constants = sorted(writer.constants)
    lines += [writer.constant(network.constants[index]) for index in constants if index < len(network.constants)]
    for tensor in tensors:
        if isinstance(tensor.init, spec.Constant):
            lines.append(writer.constant(tensor.init))
        else:
            lines.append(writer.argument(tensor.init, ("tensor",)))
    return len(lzma.compress("\n".join(lines).encode(), lzma.FORMAT_RAW, filters=[_LZMA]))


class _Writer:
    """Writes nodes so that what repeats becomes equal text, which LZMA then shortens.

    Each argument is written by how it differs from the argument at the same place of the last call of that operator.
    The nodes could be read back from this text.
    """

    def __init__(self, nodes: Sequence[int]) -> None:
        self._numbers = {node: number for number, node in enumerate(nodes)}
        self._last: dict[tuple[object, ...], int] = {}
        self._position = 0
        self.constants: set[int] = set()  # those that were written so far

    def node(self, number: int, node: spec.Node) -> str:
        self._position = self._numbers[number]
        args = [self.argument(value, (node.op, i)) for i, value in enumerate(node.args)]
        kwargs = [f"{key}:{self.argument(value, (node.op, key))}" for key, value in node.kwargs.items()]
        return " ".join([node.op.removeprefix("aten."), *args, *kwargs])

    def constant(self, constant: spec.Constant) -> str:
        return f"{constant.shape} {constant.dtype.dtype} {constant.values}"

    def argument(self, argument: spec.Argument, place: tuple[object, ...]) -> str:
        match argument:
            case spec.NodeRef(node=node):
                number = self._numbers.get(node, node)
                is_same = self._difference(number, place) == 0
                return "=" if is_same else f"-{self._position - number}"
            case spec.TensorRef(tensor=tensor):
                self.constants.add(tensor)
                return f"c{self._difference(tensor, place)}"
            case tuple():
                return f"({' '.join(self.argument(item, (*place, i)) for i, item in enumerate(argument))})"
            case bool() | None | float():
                return repr(argument)
            case int():
                return f"i{self._difference(argument, place)}"
            case str():
                return json.dumps(argument)
        return argument.model_dump_json()

    def _difference(self, number: int, place: tuple[object, ...]) -> int:
        last = self._last.get(place, 0)
        self._last[place] = number
        return number - last
