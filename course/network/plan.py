"""A graph's forward and backward pass for one size of batch, planned once: which kernels run, and on which memory.

Calls that the kernels cover become layers, lists of instructions that run without Python between them. Calls between
them are computed by PyTorch, with its own gradients: an island. A graph that writes into a value which is read again
later is one island as a whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeGuard

import torch
from torch import Tensor

from course import spec
from course.errors import SpecError
from course.kernels import classification, layout
from course.kernels.instructions import Instruction, Instructions
from course.kernels.pointwise import Draw, Dropout
from course.network.batches import Batch, Memory
from course.network.layers import LAYERS, VIEWS, Context, KernelLayer, Tail, log_softmax, view
from course.network.operators import bind
from course.network.program import Call, Program, ValueRef

_RELUS = ("aten.relu.default", "aten.relu_.default")
_DROPOUTS: dict[str, Dropout] = {
    "aten.dropout.default": "numbers",
    "aten.dropout_.default": "numbers",
    "aten.feature_dropout.default": "channels",
}
_TAILED = ("aten.batch_norm.default", *_RELUS)  # operators after which ReLU and dropout are computed with them


class Island:
    """Neighbouring calls that PyTorch computes. `inputs` are values of kernels, `outputs` those that kernels read."""

    def __init__(self, program: Program, calls: Sequence[Call], inputs: dict[int, Batch], images: int):
        self._program, self._calls, self._inputs, self._images = program, calls, inputs, images
        self.computed = frozenset(call.output for call in calls)
        self.operators = [call.name.split(".")[1] for call in calls]
        self.outputs: dict[int, Batch] = {}
        self._gradients: dict[int, Tensor] = {}  # where those of the inputs go
        self._leaves: dict[int, Tensor] = {}
        self._results: list[tuple[Tensor, Tensor]] = []

    def forward(self, values: list[Any]) -> None:
        """Compute `values`, by index, which islands share, and fill the outputs."""
        for index, batch in self._inputs.items():
            leaf = layout.unpack(batch.blocks, self._images)
            self._leaves[index] = leaf.requires_grad_(batch.needs_gradient)
            values[index] = leaf.clone()  # the island may write into it
        for call in self._calls:
            values[call.output] = self._program.compute(call, values, torch.device("cpu"))
        for index, batch in self.outputs.items():
            layout.pack(values[index].detach(), batch.blocks)
        self._results = [
            (values[index], batch.gradient) for index, batch in self.outputs.items() if batch.gradient is not None
        ]

    def plan_backward(self) -> list[Instruction]:
        """Decide where the inputs' gradients go; the instructions, after `backward`, add them to what is there.

        Each gradient has memory of its own: `backward` writes all of them before the first is added.
        """
        instructions = []

        def remember(index: int, gradient: Tensor) -> list[Instruction]:
            self._gradients[index] = gradient
            return []

        for index, batch in self._inputs.items():
            instructions += batch.add_gradient(Memory(), partial(remember, index))
        return instructions

    def backward(self) -> None:
        """Add to the gradients of parameters, and write the inputs', from those of the outputs."""
        results = [(value, gradient) for value, gradient in self._results if value.requires_grad]
        if results:
            gradients = [layout.unpack(gradient, self._images).to(value.dtype) for value, gradient in results]
            torch.autograd.backward([value for value, _ in results], gradients, retain_graph=True)
        for index, gradient in self._gradients.items():
            leaf = self._leaves[index]
            layout.pack(torch.zeros_like(leaf) if leaf.grad is None else leaf.grad, gradient)


class Plan:
    """A program for batches of `images` images, with `training` its gradients as well.

    `forward` reads `input` and writes `output`; `step` reads `labels` too, adds to the gradients of the tensors, and
    writes `results`: mean loss and right answers. Raises SpecError where PyTorch refuses the shapes, and where the
    output is not (N, 10).
    """

    def __init__(self, program: Program, tensors: Sequence[Tensor], images: int, *, loss: Loss | None = None):
        """`loss` says what is minimised; without it nothing is trained."""
        planner = _Planner(program, tensors, images, training=loss is not None)
        self.input, self.output = planner.batches[0].blocks, planner.finish()
        self.draws, self._images = planner.draws, images
        if loss is not None:
            self.labels = torch.zeros(len(self.input), layout.BLOCK, dtype=torch.int64)
            self.results = torch.zeros(2, dtype=torch.float64)
            planner.add_loss(loss, self.labels, self.results)
        self._forward, self._backward = _compiled(planner.forward), _compiled(planner.backward)
        self._values = planner.values

    @property
    def instructions(self) -> list[Instructions]:
        """What kernels compute, in its order."""
        return [part for part in (*self._forward, *self._backward) if isinstance(part, Instructions)]

    @property
    def left_to_pytorch(self) -> list[str]:
        """Operators that no kernel computes."""
        islands = [part for part in self._forward if isinstance(part, Island)]
        return [name for island in islands for name in island.operators]

    def unpacked_output(self) -> Tensor:
        """A copy of the output, (N, 10)."""
        return layout.unpack(self.output, self._images)

    def run(self, images: Tensor) -> None:
        """Compute `output` for (N, 1, 28, 28)."""
        layout.pack(images, self.input)
        values = list(self._values)
        for part in self._forward:
            if isinstance(part, Island):
                part.forward(values)
            else:
                part.run()

    def step(self, images: Tensor, labels: Tensor) -> None:
        """Compute `results` for (N, 1, 28, 28) and (N,) and add to the gradients."""
        self.labels.view(-1)[: len(labels)] = labels
        self.run(images)
        for part in self._backward:
            if isinstance(part, Island):
                part.backward()
            else:
                part.run()


@dataclass(frozen=True)
class Loss:
    """ "nll" of log-probabilities or "cross_entropy" of any outputs, with labels smoothed by a share of all classes."""

    name: str
    label_smoothing: float = 0.0


Part = list[Instruction] | Island


def _compiled(parts: list[Part]) -> list[Instructions | Island]:
    return [part if isinstance(part, Island) else Instructions(part) for part in parts if part != []]


class _Raw:
    """Stands for a value that PyTorch computes and kernels cannot read."""


_RAW = _Raw()


class _Planner:
    """Makes parts of a program's calls, in their order."""

    def __init__(self, program: Program, tensors: Sequence[Tensor], images: int, training: bool):
        self._program, self._tensors, self._images = program, list(tensors), images
        self._context = Context(images, training, Memory())
        self._shapes = _meta_values(program, tensors, images)
        self._readers = Counter(index for call in program.calls for index in call.reads)
        if program.output is not None:
            self._readers[program.output] += 1
        self.batches = {0: Batch(torch.empty(layout.blocks_of(images), 1, 28, 28, layout.BLOCK), False)}
        self.values: list[Any] = [None, *tensors, *[None] * len(self._shapes)][: len(self._shapes)]
        self.draws: list[Draw] = []
        self.forward: list[Part] = [[]]
        self.backward: list[Part] = [[]]
        self._layers: list[KernelLayer | Island] = []
        self._island: list[Call] = []
        if _writes_into_shared_values(program, self._shapes):
            self._island = list(program.calls)
        else:
            self._plan()

    def _plan(self) -> None:
        position = 0
        while position < len(self._program.calls):
            call = self._program.calls[position]
            if isinstance(self._shapes[call.output], int):
                self.values[call.output] = self._shapes[call.output]
                position += 1
                continue
            tail, count = self._tail(position)
            layer = self._layer(call, tail)
            if layer is None:
                self._island.append(call)
                position += 1
                continue
            self._add(layer)
            position += count
            self.batches[self._program.calls[position - 1].output] = layer.output

    def _tail(self, position: int) -> tuple[Tail, int]:
        """ReLU and dropout that are computed with the call at `position`, and the number of calls this makes."""
        tail, last = Tail(), position
        for number in range(position, len(self._program.calls)):
            call = self._program.calls[number]
            if number > position:
                before = self._program.calls[last].output
                if call.args[:1] != (ValueRef(before),) or self._readers[before] != 1:
                    break
            if call.name in _RELUS and tail == Tail():
                tail = Tail(relu=True)
            elif call.name in _DROPOUTS and tail.dropout is None and _is_fraction(p := _probability(call)):
                tail = Tail(tail.relu, (_DROPOUTS[call.name], p))
            elif number > position or call.name not in _TAILED:
                break
            last = number
        return tail, last - position + 1

    def _layer(self, call: Call, tail: Tail) -> KernelLayer | None:
        if call.name not in LAYERS and call.name not in VIEWS:
            return None
        new_outputs: dict[int, Batch] = {}
        arguments = {
            name: self._resolved(value, call.name in _PULLED, new_outputs)
            for name, value in bind(call.op, call.args, call.kwargs, defaults=True).items()
        }
        if any(item is _RAW for item in spec.leaves(tuple(arguments.values()))):
            return None
        if call.name in VIEWS or (call.name in _DROPOUTS and tail.dropout is None):
            layer = self._view(call, next(iter(arguments.values())))
        else:
            layer = LAYERS[call.name](self._context, arguments, tail)
        if layer is not None:
            self._close_island(new_outputs)
        return layer

    def _view(self, call: Call, x: object) -> KernelLayer | None:
        shape = tuple(self._shapes[call.output].shape)
        if call.name in _DROPOUTS and _probability(call) != 0:
            return None
        if not isinstance(x, Batch) or shape[:1] != (self._images,) or len(shape) < 2:
            return None
        return view(self._context, x, shape[1:])

    def _resolved(self, value: Any, may_pull: bool, new_outputs: dict[int, Batch]) -> Any:
        """An argument as layers take it. With `may_pull`, an island's value becomes one that kernels can read."""
        if isinstance(value, list):
            return [self._resolved(item, may_pull, new_outputs) for item in value]
        if not isinstance(value, ValueRef):
            return value
        index = value.index
        if index in self.batches:
            return self.batches[index]
        if 1 <= index < self._program.first_node:
            return self._tensors[index - 1]
        meta = self._shapes[index]
        if isinstance(meta, int):
            return meta
        if may_pull and self._is_batch(meta):
            return new_outputs.setdefault(index, self._new_batch(meta))
        return _RAW

    def _is_batch(self, meta: object) -> bool:
        return (
            isinstance(meta, Tensor)
            and meta.dtype == torch.float32
            and meta.dim() >= 2
            and len(meta) == self._images
            and meta.numel() > 0
        )

    def _new_batch(self, meta: Tensor) -> Batch:
        blocks = torch.empty(layout.blocks_of(self._images), *meta.shape[1:], layout.BLOCK)
        return Batch(blocks, self._context.training)

    def _close_island(self, new_outputs: dict[int, Batch]) -> None:
        """What was collected for PyTorch becomes an island, and the islands' values in `new_outputs` are packed."""
        if self._island:
            own = {call.output for call in self._island}
            reads = {index for call in self._island for index in call.reads if index in self.batches}
            inputs = {index: self.batches[index] for index in sorted(reads - own - self._island_values())}
            island = Island(self._program, self._island, inputs, self._images)
            self.forward += [island, []]
            self._layers.append(island)
            self._island = []
        for index, batch in new_outputs.items():
            producer = next(part for part in self._islands() if index in part.computed)
            producer.outputs[index] = self.batches[index] = batch

    def _islands(self) -> list[Island]:
        return [layer for layer in self._layers if isinstance(layer, Island)]

    def _island_values(self) -> set[int]:
        return {index for island in self._islands() for index in island.computed}

    def _add(self, layer: KernelLayer) -> None:
        self._layers.append(layer)
        self.draws += layer.draws
        part = self.forward[-1]
        assert isinstance(part, list)  # an island is always followed by a list
        part += layer.forward

    def finish(self) -> Tensor:
        """The output's blocks, (blocks, 10, 32). Raises SpecError."""
        index = self._program.output
        assert index is not None  # the program of a network's graph
        meta = self._shapes[index]
        if not isinstance(meta, Tensor) or meta.shape != (self._images, 10):
            shape = tuple(meta.shape) if isinstance(meta, Tensor) else type(meta).__name__
            raise SpecError(
                f"The network's output for {self._images} images is {shape}, and ({self._images}, 10) is needed."
            )
        self._close_island({} if index in self.batches else {index: self._new_batch(meta)})
        return self.batches[index].blocks

    def add_loss(self, loss: Loss, labels: Tensor, results: Tensor) -> None:
        """The loss, and the gradients of everything."""
        assert self._program.output is not None
        last = self.batches[self._program.output]
        if loss.name == "cross_entropy":
            self._add(log_softmax(self._context, last))
            last = self._layers[-1].output  # type: ignore[union-attr]  # a layer
        part = self.forward[-1]
        assert isinstance(part, list)
        gradient = self._context.memory.take(*last.blocks.shape)
        part += classification.nll_loss(last.blocks, labels, gradient, results, self._images, loss.label_smoothing)
        last.gradient = gradient
        for layer in reversed(self._layers):
            self._add_backward(layer)

    def _add_backward(self, layer: KernelLayer | Island) -> None:
        if isinstance(layer, Island):
            self.backward += [layer, layer.plan_backward()]
            return
        gradient = layer.output.gradient
        if gradient is None or not layer.output.needs_gradient:
            return
        part = self.backward[-1]
        assert isinstance(part, list)
        part += layer.backward(gradient)
        layer.output.gradient = None
        if not any(batch.has_gradient_in(gradient) for batch in self.batches.values()):
            self._context.memory.give_back(gradient)


def _probability(call: Call) -> object:
    """With which probability the call drops numbers: 0 in test mode."""
    arguments = bind(call.op, call.args, call.kwargs)
    return arguments.get("p") if arguments.get("train") else 0


def _is_fraction(p: object) -> TypeGuard[float]:
    return isinstance(p, float) and 0 < p < 1


def _meta_values(program: Program, tensors: Sequence[Tensor], images: int) -> list[Any]:
    """All values of the program, by index, as tensors without memory, or integers. Raises SpecError."""
    meta = torch.device("meta")
    values: list[Any] = [torch.empty(images, 1, 28, 28, device=meta), *(tensor.detach().to(meta) for tensor in tensors)]
    values += [None] * (program.calls[-1].output + 1 - len(values))
    with torch.no_grad():
        for call in program.calls:
            values[call.output] = program.compute(call, values, meta)
    return values


def _writes_into_shared_values(program: Program, shapes: Sequence[Any]) -> bool:
    """Whether a call writes into memory that a later call reads under the name of an earlier value."""
    later: set[int] = {-1 if program.output is None else program.output}
    for call in reversed(program.calls):
        for argument, given in zip(_declared(call), call.args, strict=False):
            if argument.alias_info is None or not argument.alias_info.is_write or not isinstance(given, ValueRef):
                continue
            written = shapes[given.index]
            shared = (i for i in later if i < call.output and isinstance(shapes[i], Tensor))
            if any(shapes[i].untyped_storage()._cdata == written.untyped_storage()._cdata for i in shared):
                return True
        later.update(call.reads)
    return False


def _declared(call: Call) -> Sequence[Any]:
    schema = getattr(call.op, "_schema", None)
    return () if schema is None else schema.arguments


# operators for whose sake an island's value is brought into the kernels' layout
_PULLED = frozenset(
    f"aten.{name}.default" for name in ("conv2d", "batch_norm", "max_pool2d", "avg_pool2d", "adaptive_avg_pool2d")
)
