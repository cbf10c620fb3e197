"""Which images each value of the network depends on in test mode, element by element.

A batch of three images is followed through the eval graph. Each element of a value belongs to the image that it
changes with, to nobody, or to several. To find that, an operator is run by itself on random inputs, again and again
with those of one image drawn anew. So it does not matter whether a gate is open, how large a number is or what the
images look like: a mean over the batch is found even where the network multiplies it by zero.

A size that depends on the batch may be used as a size. As a number, or in a tensor that is not the same for every
image, it tells the network how many others there are and where it stands among them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from course import spec
from course.errors import SpecError
from course.network import Program, initial_tensors
from course.network.operators import resolve, structural_arguments
from course.network.program import Call, ValueRef

IMAGES = 3
NOBODY, SEVERAL = -1, IMAGES  # beside the numbers of the images
_CPU = torch.device("cpu")
# what they are given has a shape, and its numbers do not matter
_READS_SHAPES = frozenset(
    "zeros_like ones_like full_like rand_like randn_like new_zeros new_ones new_full sym_size sym_numel".split()
)


def dependence_problems(network: spec.Network) -> list[str]:
    """A sentence if the answer for an image depends on the others of its batch, or on its place among them."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        trace = _Trace(network)
        trace.run()
    owners = trace.owners_of(trace.values[trace.output])
    if ((owners == NOBODY) | (owners == torch.arange(IMAGES)[:, None])).all():
        return []
    node = trace.first_mixing_node()
    place, name = "In", ""
    if node is not None:
        place = f"Line {node.line}: In" if node.line else "In"
        name = f" ({node.operator})"
    return [
        f"{place} test mode your network's answer for an image depends on the other images of its batch or on its "
        f"place among them{name}. Batch norm must use its running statistics there; average over channels or pixels, "
        "not over images."
    ]


class _Trace:
    """The eval graph on three images, with the owner of each element of each value.

    Owners are kept by storage, so that a value and its views share them.
    """

    def __init__(self, network: spec.Network) -> None:
        self.nodes = network.eval.nodes
        self.program = Program(self.nodes, len(network.tensors), None)
        self.output = self.program.first_node + network.eval.output.node
        tensors = [tensor.detach() for tensor in initial_tensors(network, 0)]
        pair = torch.rand(IMAGES - 1, 1, 28, 28)
        # the same with one image less shows which sizes depend on the batch
        self.smaller = self.program.run(pair, [tensor.clone() for tensor in tensors], _CPU)
        images = torch.rand(IMAGES, 1, 28, 28)
        self.values: dict[int, Any] = dict(enumerate([images, *tensors]))
        self._owners: dict[int, Tensor] = {}  # by the address of a storage
        self._sized: set[int] = set()  # values that depend on the size of the batch
        self._mixing: list[int] = []  # calls of which an element belongs to several, and of no input
        for value in self.values.values():
            self._register(value)
        self.owners_of(images).copy_(torch.arange(IMAGES)[:, None, None, None].expand(images.shape))

    def run(self) -> None:
        """Raises SpecError when an operator fails."""
        for call in self.program.calls:
            found = self._find_owners(call)
            known = set(self._owners)
            self.values[call.output] = result = self.program.compute(call, self.values, _CPU)
            writes = _writes(call)
            for leaf, owners in zip(_tensors(result), found, strict=True):
                is_view = leaf.untyped_storage().data_ptr() in known
                self._register(leaf)
                if writes or not is_view:
                    self._write_owners(leaf, owners)
            self._add_what_the_size_tells(call, result)

    def owners_of(self, value: Tensor) -> Tensor:
        """int8, of the shape of `value`; the owners in the memory of its storage, which may be written."""
        owners = self._owners[value.untyped_storage().data_ptr()]
        try:
            return torch.as_strided(owners, value.size(), value.stride(), value.storage_offset())
        except RuntimeError:
            raise SpecError("The network reads the memory of a tensor as numbers of another type.") from None

    def first_mixing_node(self) -> spec.Node | None:
        """The first node that the output depends on and of which an element belongs to several images."""
        wanted = {self.output}
        for call in reversed(self.program.calls):
            if call.output in wanted:
                wanted.update(call.reads)
        mixing = [index for index in self._mixing if index in wanted] or self._mixing
        return self.nodes[mixing[0] - self.program.first_node] if mixing else None

    def _register(self, value: Tensor) -> None:
        storage = value.untyped_storage()
        if storage.data_ptr() not in self._owners:
            size = storage.nbytes() // value.element_size()
            self._owners[storage.data_ptr()] = torch.full((size,), NOBODY, dtype=torch.int8)

    def _write_owners(self, value: Tensor, owners: Tensor) -> None:
        target = self.owners_of(value)
        if 0 in value.stride():  # expanded: several of its elements are one in memory
            owners = owners.amax(dim=[i for i, step in enumerate(value.stride()) if step == 0], keepdim=True)
            for dim, step in enumerate(value.stride()):
                target = target.narrow(dim, 0, 1) if step == 0 and value.shape[dim] else target
        target.copy_(owners)

    def _find_owners(self, call: Call) -> list[Tensor]:
        """The owners of each tensor that the call computes, in order."""
        given = {index: self.values[index] for index in call.reads}
        owners = {index: self._owners_in(value) for index, value in given.items()}
        images = sorted({int(o) for parts in owners.values() for part in parts for o in part.unique()} - {NOBODY})
        operator = self.nodes[call.output - self.program.first_node].operator
        if not images or operator in _READS_SHAPES:
            return [torch.full(leaf.shape, NOBODY, dtype=torch.int8) for leaf in self._results(call, given)]
        base = {index: _drawn(value, owners[index]) for index, value in given.items()}
        found = [torch.full(leaf.shape, NOBODY, dtype=torch.int8) for leaf in self._results(call, base)]
        self._add_changes(found, call, base, owners, images)
        if any(leaf.dtype == torch.bool for value in base.values() for leaf in _tensors(value)):
            # what a condition does not choose, it chooses when it is turned round; any and all need equal ones
            for change in (torch.logical_not, torch.zeros_like, torch.ones_like):
                changed = {index: _map_conditions(change, value) for index, value in base.items()}
                self._add_changes(found, call, changed, owners, images)
        for mine, smaller in self._with_smaller(call, found):
            _add_unseen(mine, [part for parts in owners.values() for part in parts], smaller, images)
        if SEVERAL not in images and any(bool((mine == SEVERAL).any()) for mine in found):
            self._mixing.append(call.output)
        return found

    def _add_changes(
        self,
        found: list[Tensor],
        call: Call,
        base: Mapping[int, Any],
        owners: Mapping[int, list[Tensor]],
        images: list[int],
    ) -> None:
        """Add to `found` what changes when the elements of one image after the other are drawn anew."""
        expected = self._results(call, base)
        for image in images:
            changed = {index: _redrawn(value, owners[index], image) for index, value in base.items()}
            for mine, before, after in zip(found, expected, self._results(call, changed), strict=True):
                differs = (before != after) & ~(before.isnan() & after.isnan())  # NaN equals NaN here
                theirs = torch.where((mine == NOBODY) | (mine == image), image, SEVERAL).to(torch.int8)
                mine[differs] = theirs[differs]

    def _results(self, call: Call, values: Mapping[int, Any]) -> list[Tensor]:
        """What the call computes of copies of `values`, which it may write into."""
        copies = {index: _map_tensors(torch.clone, value) for index, value in values.items()}
        return [leaf.clone() for leaf in _tensors(self.program.compute(call, copies, _CPU))]

    def _owners_in(self, value: Any) -> list[Tensor]:
        return [self.owners_of(leaf) for leaf in _tensors(value)]

    def _add_what_the_size_tells(self, call: Call, result: Any) -> None:
        """Elements that tell the size of the batch, or a place in it, belong to several images."""
        leaves = _tensors(result)
        if not leaves:  # a size
            self._sized.add(call.output)
            return
        if self._uses_a_size_as_a_number(call):
            self._mark(call, leaves)
        node = self.nodes[call.output - self.program.first_node]
        pairs = self._with_smaller(call, leaves)
        has_a_size = any(other is None or leaf.shape != other.shape for leaf, other in pairs)
        if (node.operator in _READS_SHAPES and has_a_size) or not self._sized.isdisjoint(call.reads):
            self._sized.add(call.output)
            for leaf, other in pairs:
                if bool((self.owners_of(leaf) == NOBODY).all()) and not _is_the_same_for_all(leaf, other):
                    self._mark(call, [leaf])

    def _with_smaller(self, call: Call, leaves: list[Tensor]) -> list[tuple[Tensor, Tensor | None]]:
        """Each of a call's tensors with the one that it computes for a smaller batch; None where there is none."""
        smaller: list[Tensor | None] = [*_tensors(self.smaller[call.output])]
        return list(zip(leaves, [*smaller, *[None] * len(leaves)], strict=False))

    def _uses_a_size_as_a_number(self, call: Call) -> bool:
        structural = structural_arguments(resolve(call.name))
        return any(
            isinstance(argument, ValueRef)
            and isinstance(self.values[argument.index], int)
            and position not in structural
            for position, argument in (*enumerate(call.args), *call.kwargs.items())
        )

    def _mark(self, call: Call, leaves: list[Tensor]) -> None:
        self._mixing.append(call.output)
        for leaf in leaves:
            self._write_owners(leaf, torch.full(leaf.shape, SEVERAL, dtype=torch.int8))


def _drawn(value: Any, owners: list[Tensor]) -> Any:
    """`value` with random numbers. Whole numbers may be indices and stay; numbers of nobody are positive, as scales."""
    parts = iter(owners)

    def draw(tensor: Tensor) -> Tensor:
        owner = next(parts)
        if tensor.dtype == torch.bool:
            return torch.rand(tensor.shape) < 0.5
        if not tensor.is_floating_point():
            return tensor.clone()
        new = torch.randn(tensor.shape, dtype=tensor.dtype)
        return torch.where(owner == NOBODY, new.abs() + 0.1, new)

    return _map_tensors(draw, value)


def _redrawn(value: Any, owners: list[Tensor], image: int) -> Any:
    """`value` with other elements where they belong to `image`; whole numbers are exchanged for each other."""
    parts = iter(owners)

    def redraw(tensor: Tensor) -> Tensor:
        chosen = next(parts) == image
        if tensor.dtype == torch.bool:
            return tensor ^ chosen
        if tensor.is_floating_point():
            return torch.where(chosen, torch.randn(tensor.shape, dtype=tensor.dtype), tensor)
        new = tensor.clone()
        new[chosen] = tensor[chosen].flip(0)
        return new

    return _map_tensors(redraw, value)


def _map_conditions(function: Callable[[Tensor], Tensor], value: Any) -> Any:
    return _map_tensors(lambda tensor: function(tensor) if tensor.dtype == torch.bool else tensor, value)


def _add_unseen(found: Tensor, given: list[Tensor], smaller: Tensor | None, images: list[int]) -> None:
    """Give elements that did not change an owner where they must have one: a comparison may come out the same.

    Elementwise operators keep the owners of what they are given. What does not grow with the batch although it is
    computed from several images belongs to several, and so does all that is computed from what does.
    """
    unseen = found == NOBODY
    if SEVERAL in images:
        found[unseen] = SEVERAL
        return
    try:
        is_elementwise = torch.broadcast_shapes(*(owners.shape for owners in given)) == found.shape
    except RuntimeError:
        is_elementwise = False
    if is_elementwise:
        for owners in given:
            theirs = owners.expand(found.shape)
            merged = torch.where((found == NOBODY) | (found == theirs), theirs, SEVERAL).to(torch.int8)
            found.copy_(torch.where(unseen & (theirs != NOBODY), merged, found))
    elif len(images) > 1 and smaller is not None and found.shape == smaller.shape:
        found[unseen] = SEVERAL


def _is_the_same_for_all(value: Tensor, smaller: Tensor | None) -> bool:
    """Whether a tensor that depends on the size of the batch has one share for each image, and equal shares."""
    if smaller is None or value.dim() != smaller.dim():
        return False
    axes = [axis for axis, (a, b) in enumerate(zip(value.shape, smaller.shape, strict=True)) if a != b]
    if len(axes) != 1 or value.shape[axes[0]] % IMAGES:
        return False
    axis, share = axes[0], value.shape[axes[0]] // IMAGES
    for sizes, step in (((IMAGES, share), axis), ((share, IMAGES), axis + 1)):
        shares = value.unflatten(axis, sizes)
        if bool((shares == shares.narrow(step, 0, 1)).all()):
            return True
    return False


def _writes(call: Call) -> bool:
    """Whether the operator writes into a tensor that it is given."""
    schema = getattr(call.op, "_schema", None)
    return schema is not None and bool(schema.is_mutable)


def _tensors(value: Any) -> list[Tensor]:
    return [leaf for leaf in spec.leaves(value) if isinstance(leaf, Tensor)]


def _map_tensors(function: Callable[[Tensor], Tensor], value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_map_tensors(function, item) for item in value]
    return function(value) if isinstance(value, Tensor) else value
