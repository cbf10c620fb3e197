"""A model's forward, in train and in eval mode, as nodes of a spec."""

from __future__ import annotations

import contextlib
import io
import logging
import operator
import re
import traceback
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.export.graph_signature import InputKind

from course import operators, spec
from course.capture.plain import operator_name, plain
from course.errors import RecipeError, StudentCodeError

EXAMPLE_BATCH = 8
_SIZE_NAMES = {getattr(operator, n.removeprefix("size.")): n for n in operators.SIZE_OPERATORS}
# what export adds to check its own assumptions; they compute nothing
_CHECKS = ("_assert", "sym_constrain", "_check")
_TORCH = str(Path(torch.__file__).parent)


class Tensors:
    """The model's tensors, numbered as they turn up; one that goes by two names is one tensor."""

    def __init__(self, model: nn.Module):
        self.found: list[tuple[str, str, Tensor]] = []  # name, kind, tensor
        self._index: dict[int, int] = {}
        for name, parameter in model.named_parameters():
            self.add(name, "parameter", parameter)
        self._model = model

    def add(self, name: str, kind: str, tensor: Tensor) -> int:
        if id(tensor) not in self._index:
            self._index[id(tensor)] = len(self.found)
            self.found.append((_clean(name), kind, tensor))
        return self._index[id(tensor)]

    def of_placeholder(self, given, constants: dict) -> int:
        """The number of a graph's placeholder, from its entry in the export's signature."""
        name = given.target
        if given.kind is InputKind.PARAMETER:
            return self.add(name, "parameter", self._model.get_parameter(name))
        if given.kind is InputKind.BUFFER:
            return self.add(name, "buffer", self._model.get_buffer(name))
        if given.kind is InputKind.CONSTANT_TENSOR:
            return self.add(name, "constant", constants[name])
        raise RecipeError(f"The model reads {name!r}, which is not a tensor.")


def _clean(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.]", "_", name)[:200]


def export(model: nn.Module, training: bool) -> torch.export.ExportedProgram:
    """`torch.export` with a free batch size. Raises RecipeError or StudentCodeError with the student's line."""
    model.train(training)
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
    if "GuardOnDataDependent" in name or "data-dependent" in text:
        return RecipeError(f"your network decides by the values of its input{shown}. Use torch.where.", line)
    if "Constraints violated" in text or "specialized" in text:
        return RecipeError(
            "your network only works for one batch size. Use x.size(0) or -1 where a batch size is written out.", line
        )
    first = text.strip().splitlines()[0][:300] if text.strip() else "no message"
    where = f"Line {line}{shown}: " if line else ""
    return StudentCodeError(f"{where}{name}: {first}")


def student_line(error: BaseException) -> tuple[int | None, str]:
    """Line number and code of the innermost frame that is neither PyTorch's nor ours."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if _is_students(frame.filename):
            return frame.lineno, (frame.line or "")[:120]
    return None, ""


def _is_students(filename: str) -> bool:
    ours = str(Path(__file__).parents[1])
    return not filename.startswith((_TORCH, ours, "<frozen", "<string>", "<eval_with_key>")) and "/lib/python" not in filename


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
    """Nodes in order, without export's own checks and without batch-norm counters that nothing else reads."""
    for node in graph.nodes:
        name = str(node.target)
        if node.op == "call_function" and not node.users:
            counter = name == "aten.add_.Tensor" and str(node.args[0]).endswith("num_batches_tracked")
            if (counter and len(node.args[0].users) == 1) or any(check in name for check in _CHECKS):
                continue
        if node.op == "placeholder" and all(str(u.target) == "aten.add_.Tensor" and not u.users for u in node.users):
            if node.name.endswith("num_batches_tracked"):
                continue
        yield node


def _output(node: torch.fx.Node, references: dict) -> spec.NodeRef:
    results = node.args[0]
    if len(results) != 1 or not isinstance(references.get(results[0]), spec.NodeRef):
        raise RecipeError(
            f"The network's forward returns {len(results)} values. It has to return one tensor of shape (N, 10)."
        )
    shape = tuple(results[0].meta["val"].shape)
    if len(shape) != 2 or shape[1] != 10:
        shown = ", ".join(["N", *map(str, shape[1:])])
        raise RecipeError(f"The network's output has the shape ({shown}), and (N, 10) is needed: one score per digit.")
    return references[results[0]]


def _node(node: torch.fx.Node, references: dict) -> spec.Node:
    line = _line_of(node)
    name = _SIZE_NAMES.get(node.target) or operator_name(node.target)
    if not operators.allowed(name):
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
    if word in ("item", "_local_scalar_dense", "nonzero"):
        return "your network turns a tensor into a Python number or decides by its values. Use torch.where."
    return (
        f"your network uses the operator {word[:60]!r}, which is not on the list of allowed operators. "
        "Build it from other functions, or ask for it to be added."
    )


def _line_of(node: torch.fx.Node) -> int | None:
    frames = re.findall(r'File "([^"]+)", line (\d+)', node.meta.get("stack_trace") or "")
    lines = [int(line) for file, line in frames if _is_students(file)]
    return lines[-1] if lines else None


def _layer_of(node: torch.fx.Node) -> str:
    stack = node.meta.get("nn_module_stack") or {}
    path = list(stack.values())[-1][0] if stack else ""
    return _clean(path)
