"""A model's forward, in train or eval mode, as nodes of a spec."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, fx, nn
from torch.export.graph_signature import InputKind, InputSpec

from course import spec
from course.capture.arguments import to_spec_argument
from course.capture.export import export_model
from course.capture.source_lines import is_student_file
from course.errors import RecipeError
from course.network import operators

_SIZE_NAMES = {getattr(operator, name.removeprefix("size.")): name for name in operators.SIZE_OPERATORS}
# operators that torch.export adds to check its own assumptions; they compute nothing
_CHECKS = ("_assert", "sym_constrain", "_check")
_References = dict[fx.Node, spec.Reference]


@dataclass(frozen=True)
class TensorEntry:
    """A tensor of the model, and what the spec calls it."""

    name: str
    kind: Literal["parameter", "buffer", "constant"]
    tensor: Tensor


class TensorRegistry:
    """The model's tensors, numbered in the order in which the graphs use them; one with two names is one tensor."""

    def __init__(self, model: nn.Module) -> None:
        self.entries: list[TensorEntry] = []
        self._numbers: dict[int, int] = {}  # by id(tensor)
        self._names: set[str] = set()
        self._model = model
        for name, parameter in model.named_parameters():
            self._add(name, "parameter", parameter)

    def number_of(self, placeholder: InputSpec, constants: Mapping[str, object]) -> int:
        """The number of the tensor that a placeholder of an exported graph stands for. Raises RecipeError."""
        name = str(placeholder.target)
        if placeholder.kind is InputKind.PARAMETER:
            return self._add(name, "parameter", self._model.get_parameter(name))
        if placeholder.kind is InputKind.BUFFER:
            return self._add(name, "buffer", self._model.get_buffer(name))
        if placeholder.kind is InputKind.CONSTANT_TENSOR:
            constant = constants[name]
            assert isinstance(constant, Tensor)  # by its kind
            return self._add_constant(name, constant)
        raise RecipeError(f"The model reads {name!r}, which is not a tensor.")

    def _add(self, name: str, kind: Literal["parameter", "buffer", "constant"], tensor: Tensor) -> int:
        if id(tensor) not in self._numbers:
            self._numbers[id(tensor)] = len(self.entries)
            # an optimizer's groups and the weights of a finished training are found by the name in the model
            name = self._unused_name(name) if kind == "constant" else _required_name(name, kind)
            self._names.add(name)
            self.entries.append(TensorEntry(name, kind, tensor))
        return self._numbers[id(tensor)]

    def _add_constant(self, name: str, tensor: Tensor) -> int:
        """For `torch.tensor(...)` in a forward, the exports in train and eval mode each create a constant."""
        for number, entry in enumerate(self.entries):
            if entry.kind == "constant" and entry.tensor.dtype == tensor.dtype and torch.equal(entry.tensor, tensor):
                return number
        return self._add(name, "constant", tensor)

    def _unused_name(self, name: str) -> str:
        name = _valid_name(name)
        while name in self._names:
            name = f"{name[:199]}_"
        return name


def _valid_name(name: str) -> str:
    return re.sub(r"[^\w .-]|^\W", "_", name)[:200]


def _required_name(name: str, kind: str) -> str:
    """The name of a parameter or buffer, if a spec can have it. Raises RecipeError."""
    if not re.match(spec.TENSOR_NAME, name):
        raise RecipeError(
            f"The {kind} {name[:80]!r} of your network has a name that cannot be kept. Name layers, and the keys of "
            "nn.ModuleDict, with letters, digits, spaces, _ and -, up to 200 characters with the names of the "
            "layers around them."
        )
    return name


def capture_graph(model: nn.Module, training: bool, registry: TensorRegistry) -> spec.Graph:
    """One mode of the model as a spec graph. Raises RecipeError, StudentCodeError."""
    program = export_model(model, training)
    container = program.call_spec.out_spec.type if program.call_spec.out_spec is not None else None
    if isinstance(container, type) and len(program.graph_signature.user_outputs) == 1:
        raise RecipeError(
            f"The network's forward returns a {container.__name__}. It has to return one tensor of shape (N, 10)."
        )
    input_specs = {input_spec.arg.name: input_spec for input_spec in program.graph_signature.input_specs}
    references: _References = {}
    nodes: list[spec.Node] = []
    output = None
    for node in _relevant_nodes(program.graph):
        if node.op == "placeholder":
            input_spec = input_specs[node.name]
            if input_spec.kind is InputKind.USER_INPUT:
                references[node] = spec.Input()
            else:
                references[node] = spec.TensorRef(tensor=registry.number_of(input_spec, program.constants))
        elif node.op == "output":
            output = _output(node, references)
        else:
            nodes.append(_node(node, references))
            references[node] = spec.NodeRef(node=len(nodes) - 1)
            if len(nodes) > spec.MAX_NODES:
                raise RecipeError(f"The network takes more than {spec.MAX_NODES} operations. Use fewer layers.")
    assert output is not None  # every graph of torch.fx ends with its output
    return spec.Graph(nodes=tuple(nodes), output=output)


def _relevant_nodes(graph: fx.Graph) -> Iterator[fx.Node]:
    """Nodes in order, without torch.export's own checks and without batch-norm counters that nothing reads."""
    counters: set[fx.Node] = set()
    for node in graph.nodes:
        if node.op == "placeholder" and node.name.endswith("num_batches_tracked"):
            counters |= _unread_counter(node)
        is_check = node.op == "call_function" and not node.users and any(c in str(node.target) for c in _CHECKS)
        if node not in counters and not is_check:
            yield node


def _unread_counter(counter: fx.Node) -> set[fx.Node]:
    """A counter and the nodes that increment it, one for each use of its module; empty if anything else reads it."""
    nodes, pending = {counter}, [counter]
    while pending:
        for user in pending.pop().users:
            if str(user.target) != "aten.add_.Tensor":
                return set()
            nodes.add(user)
            pending.append(user)
    return nodes


def _output(node: fx.Node, references: _References) -> spec.NodeRef:
    results = node.args[0]
    assert isinstance(results, tuple | list)  # torch.export flattens what forward returns
    if len(results) != 1:
        raise RecipeError(
            f"The network's forward returns {len(results)} values. It has to return one tensor of shape (N, 10)."
        )
    result = results[0]
    if result is None:
        raise RecipeError("The network's forward returns nothing. End it with return, and what it computed.")
    reference = references.get(result) if isinstance(result, fx.Node) else None
    if not isinstance(result, fx.Node) or not isinstance(reference, spec.NodeRef):
        raise RecipeError(
            "The network's forward returns something that it did not compute: its input, a parameter or no tensor. It "
            "has to return one tensor of shape (N, 10)."
        )
    shape = tuple(result.meta["val"].shape)
    if len(shape) != 2 or shape[1] != 10:
        shown = ", ".join(["N", *map(str, shape[1:])])
        raise RecipeError(
            f"The network's output has the shape ({shown}), and (N, 10) is needed: one score per digit.",
            _line_of(result),
        )
    return reference


def _node(node: fx.Node, references: _References) -> spec.Node:
    line = _line_of(node)
    if node.op != "call_function":
        raise RecipeError(
            "Your network runs a part of forward in a setting of its own, such as torch.no_grad() or autocast. Leave "
            "it out; x.detach() stops gradients.",
            line or _line_of(next(iter(node.users))),
        )
    assert callable(node.target)  # as every call_function is
    name = _SIZE_NAMES.get(node.target) or str(node.target)
    if not operators.is_allowed(name):
        raise RecipeError(_refusal(name), line)
    args = [to_spec_argument(argument, references.__getitem__) for argument in node.args]
    if name == "aten.batch_norm.default":
        # the export has False where it ran without a GPU; the spec must not depend on that
        args[operators.argument_position(node.target, "cudnn_enabled")] = True
    return spec.Node(
        op=name,
        args=tuple(args),
        kwargs={
            keyword: to_spec_argument(argument, references.__getitem__)
            for keyword, argument in node.kwargs.items()
            if keyword not in operators.IGNORED_KEYWORDS
        },
        line=line,
        layer=_layer_of(node),
    )


def _refusal(name: str) -> str:
    operator_name = name.split(".")[1] if name.startswith("aten.") else name
    if (advice := operators.UNSAFE_OVERLOADS.get(name.removeprefix("aten."))) is not None:
        return f"Your network uses the operator {name.removeprefix('aten.')!r}, which {advice}."
    if operator_name in ("item", "_local_scalar_dense", "nonzero") or not name.startswith("aten."):
        return "Your network turns a tensor into a Python number or decides by its values. Use torch.where."
    return (
        f"Your network uses the operator {operator_name[:60]!r}, which is not on the list of allowed operators. "
        "Build it from other functions, or ask for it to be added."
    )


def _line_of(node: fx.Node) -> int | None:
    frames = re.findall(r'File "([^"]+)", line (\d+)', node.meta.get("stack_trace") or "")
    lines = [int(line) for file, line in frames if is_student_file(file)]
    return lines[-1] if lines else None


def _layer_of(node: fx.Node) -> str:
    """The name of the module that the node belongs to, such as "body.0"."""
    stack = node.meta.get("nn_module_stack") or {}
    path = list(stack.values())[-1][0] if stack else ""
    return _valid_name(path)
