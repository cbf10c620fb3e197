"""A model's forward, in train and in eval mode, as nodes of a spec."""

from __future__ import annotations

import contextlib
import io
import logging
import operator
import re
import warnings

import torch
from torch import Tensor, nn
from torch.export.graph_signature import InputKind

from course import spec
from course.capture.arguments import operator_name, plain
from course.capture.source_lines import is_student_file, student_line
from course.errors import RecipeError, StudentCodeError
from course.network import operators

EXAMPLE_BATCH = 8
_BATCH = re.compile(r"\bs\d+\b")  # what export calls the free batch size
_WRITTEN_OUT = re.compile(r"shape '\[[\d, ]+\]' is invalid for input of size .*\bs\d+\b")  # a view without -1
_SIZE_NAMES = {getattr(operator, n.removeprefix("size.")): n for n in operators.SIZE_OPERATORS}
# what export adds to check its own assumptions; they compute nothing
_CHECKS = ("_assert", "sym_constrain", "_check")


class Tensors:
    """The model's tensors, numbered as they turn up; one that goes by two names is one tensor."""

    def __init__(self, model: nn.Module):
        self.found: list[tuple[str, str, Tensor]] = []  # name, kind, tensor
        self._index: dict[int, int] = {}
        self._names: set[str] = set()
        for name, parameter in model.named_parameters():
            self.add(name, "parameter", parameter)
        self._model = model

    def add(self, name: str, kind: str, tensor: Tensor) -> int:
        if id(tensor) not in self._index:
            self._index[id(tensor)] = len(self.found)
            self.found.append((self._free_name(name), kind, tensor))
        return self._index[id(tensor)]

    def _free_name(self, name: str) -> str:
        name = _clean(name)
        while name in self._names:
            name = f"{name[:199]}_"
        self._names.add(name)
        return name

    def _constant(self, name: str, tensor: Tensor) -> int:
        """The train and the eval export each make a constant of their own out of `torch.tensor(...)` in a forward."""
        for number, (_, kind, known) in enumerate(self.found):
            if kind == "constant" and known.dtype == tensor.dtype and torch.equal(known, tensor):
                return number
        return self.add(name, "constant", tensor)

    def of_placeholder(self, given, constants: dict) -> int:
        """The number of a graph's placeholder, from its entry in the export's signature."""
        name = given.target
        if given.kind is InputKind.PARAMETER:
            return self.add(name, "parameter", self._model.get_parameter(name))
        if given.kind is InputKind.BUFFER:
            return self.add(name, "buffer", self._model.get_buffer(name))
        if given.kind is InputKind.CONSTANT_TENSOR:
            return self._constant(name, constants[name])
        raise RecipeError(f"The model reads {name!r}, which is not a tensor.")


def _clean(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.]", "_", name)[:200]


def export(model: nn.Module, training: bool) -> torch.export.ExportedProgram:
    """`torch.export` with a free batch size. Raises RecipeError or StudentCodeError with the student's line."""
    model.train(training)
    if type(model).forward is nn.Module.forward:
        name = type(model).__name__
        raise StudentCodeError(f"{name} has no method forward(self, x). Look at its name and indentation.")
    batch = torch.export.Dim("batch", min=2, max=65_536)
    logging.getLogger("torch.fx").setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            return torch.export.export(
                model, (torch.zeros(EXAMPLE_BATCH, 1, 28, 28),), dynamic_shapes=({0: batch},), strict=False
            )
    except Exception as error:  # whatever the student's forward or export raises becomes one sentence
        raise explain(error) from error


def explain(error: Exception) -> RecipeError | StudentCodeError:
    """What went wrong while a forward was captured, in the student's terms."""
    if isinstance(error, RecipeError):
        return error
    line, code = student_line(error)
    text, name = str(error), type(error).__name__
    shown = f" ({code})" if code else ""
    where = f"Line {line}{shown}: " if line else ""
    if "GuardOnDataDependent" in name or "data-dependent" in text:
        return RecipeError(f"your network decides by the values of its input{shown}. Use torch.where.", line)
    if "Constraints violated" in text or "specialized" in text or _WRITTEN_OUT.match(text):
        return RecipeError(
            f"your network only works for one batch size{shown}. Use x.size(0) or -1 in place of len(x) or a batch "
            "size that is written out.",
            line,
        )
    if "fake tensor" in text:
        return RecipeError(
            "your network's forward trains, or keeps a tensor for later. Let it depend on its input and the parameters "
            "alone, and change nothing.",
            line,
        )
    if "can't allocate memory" in text:
        return StudentCodeError(f"{where}this needs more memory than there is. Look for a very large tensor.")
    text = _BATCH.sub("N", text)
    first = text.strip().splitlines()[0][:300] if text.strip() else "no message"
    return StudentCodeError(f"{where}{name}: {first}")


def graph(model: nn.Module, training: bool, tensors: Tensors) -> spec.Graph:
    """One mode of the model as a spec graph. Raises RecipeError, StudentCodeError."""
    program = export(model, training)
    given = {s.arg.name: s for s in program.graph_signature.input_specs}
    references: dict[torch.fx.Node, object] = {}
    nodes: list[spec.Node] = []
    output = None
    for node in _useful(program.graph):
        if node.op == "placeholder":
            entry = given[node.name]
            if entry.kind is InputKind.USER_INPUT:
                references[node] = spec.Input()
            else:
                references[node] = spec.TensorRef(tensor=tensors.of_placeholder(entry, program.constants))
        elif node.op == "output":
            output = _output(node, references)
        else:
            nodes.append(_node(node, references))
            references[node] = spec.NodeRef(node=len(nodes) - 1)
            if len(nodes) > spec.MAX_NODES:
                raise RecipeError(f"The network takes more than {spec.MAX_NODES} operations. Use fewer layers.")
    return spec.Graph(nodes=tuple(nodes), output=output)


def _useful(graph: torch.fx.Graph):
    """Nodes in order, without export's own checks and without batch-norm counters that nothing reads."""
    counters: set[torch.fx.Node] = set()
    for node in graph.nodes:
        if node.op == "placeholder" and node.name.endswith("num_batches_tracked"):
            counters |= _counting(node)
        checks = node.op == "call_function" and not node.users and any(c in str(node.target) for c in _CHECKS)
        if node not in counters and not checks:
            yield node


def _counting(counter: torch.fx.Node) -> set[torch.fx.Node]:
    """A counter and the nodes that count it up, once for each use of its module; nothing if anything else reads it."""
    found, pending = {counter}, [counter]
    while pending:
        for user in pending.pop().users:
            if str(user.target) != "aten.add_.Tensor":
                return set()
            found.add(user)
            pending.append(user)
    return found


def _output(node: torch.fx.Node, references: dict) -> spec.NodeRef:
    results = node.args[0]
    if len(results) != 1:
        raise RecipeError(
            f"The network's forward returns {len(results)} values. It has to return one tensor of shape (N, 10)."
        )
    if not isinstance(references.get(results[0]), spec.NodeRef):
        raise RecipeError(
            "The network's forward returns something that it did not compute: its input, a parameter or no tensor. It "
            "has to return one tensor of shape (N, 10)."
        )
    shape = tuple(results[0].meta["val"].shape)
    if len(shape) != 2 or shape[1] != 10:
        shown = ", ".join(["N", *map(str, shape[1:])])
        raise RecipeError(
            f"the network's output has the shape ({shown}), and (N, 10) is needed: one score per digit.",
            _line_of(results[0]),
        )
    return references[results[0]]


def _node(node: torch.fx.Node, references: dict) -> spec.Node:
    line = _line_of(node)
    if node.op != "call_function":
        raise RecipeError(
            "your network runs a part of forward in a setting of its own, such as torch.no_grad() or autocast. Leave "
            "it out; x.detach() stops gradients.",
            line or _line_of(next(iter(node.users))),
        )
    name = _SIZE_NAMES.get(node.target) or operator_name(node.target)
    if not operators.is_allowed(name):
        raise RecipeError(_refusal(name), line)
    kwargs = {k: v for k, v in node.kwargs.items() if k not in operators.IGNORED_KEYWORDS}
    args = [plain(a, references.__getitem__) for a in node.args]
    if name == "aten.batch_norm.default":
        args[8] = True  # cudnn_enabled is baked in by whether this machine has a GPU
    return spec.Node(
        op=name,
        args=tuple(args),
        kwargs={k: plain(v, references.__getitem__) for k, v in kwargs.items()},
        line=line,
        layer=_layer_of(node),
    )


def _refusal(name: str) -> str:
    word = name.split(".")[1] if name.startswith("aten.") else name
    if word in ("item", "_local_scalar_dense", "nonzero") or not name.startswith("aten."):
        return "your network turns a tensor into a Python number or decides by its values. Use torch.where."
    return (
        f"your network uses the operator {word[:60]!r}, which is not on the list of allowed operators. "
        "Build it from other functions, or ask for it to be added."
    )


def _line_of(node: torch.fx.Node) -> int | None:
    frames = re.findall(r'File "([^"]+)", line (\d+)', node.meta.get("stack_trace") or "")
    lines = [int(line) for file, line in frames if is_student_file(file)]
    return lines[-1] if lines else None


def _layer_of(node: torch.fx.Node) -> str:
    stack = node.meta.get("nn_module_stack") or {}
    path = list(stack.values())[-1][0] if stack else ""
    return _clean(path)
