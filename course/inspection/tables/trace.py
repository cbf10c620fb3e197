"""The tables that a network computes without its images, and how many numbers they hold where they meet them.

A *table* is a value that does not depend on the images: a parameter, a buffer, a range, or what is computed from these.
It does not matter how a table was stored, packed or grown. It counts with its elements where an operator joins it with
the images, except that
- copies of an element count once (a shape, a broadcast, shared weights);
- sums and products of stored numbers count as these (a low-rank product, a mask, a norm's scale), up to `MAX_DEGREE`
  factors and unless they depend on rounding, which takes numbers apart;
- a plainly regular table counts as its description (`table_size`).

The network is run on several batches at once, operator by operator. What is equal for different images is a table, so
that a product with zero does not make an image of it; and so is what images hardly change (`trial_runs`), so that a
small part of one does not either. Such a value is followed as if the images were constants.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from course import spec
from course.errors import SpecError
from course.inspection.tables.element_labels import CONSTANT, DEPENDS, Labels, computes_each, distinct, moved_labels
from course.inspection.tables.operator_kinds import FILL, KEEP, MOVE, MOVE_BY_INDEX, base_name, degree_of, is_in_place
from course.inspection.tables.table_size import described_size
from course.inspection.tables.trial_runs import (
    DIGITS,
    NOISE_IMAGES,
    NOISY,
    OTHER_PARAMETERS,
    PARAMETERS,
    WHOLE_TOLERANCE,
    steady_elements,
    trial_runs,
)
from course.network import Program, batch_norm_statistics
from course.network.program import Call, ValueRef

MAX_DEGREE = 5  # of a product of tables: a tensor train of four and a scale
MAX_ELEMENTS = 5_000_000  # of all values for two images: 455,362 in the largest of 341 honest networks; 1 s per million
SMALL = 64  # numbers; a table of so few cannot hide many below the tolerance of a description
FEW = 16  # numbers that an operator may leave equal in values of the images: zeros of ReLU, ends of a range
NOISE = 1e-5  # relative, added to the results of all operators
NOISE_TOLERANCE = 1e-2  # relative difference that the noise may make; a digit differs wholly
_TINY = 2.0**24
_CPU = torch.device("cpu")


@dataclass(frozen=True)
class TableUse:
    """`numbers` that the network holds where tables meet images; the largest integer in a table of integers."""

    numbers: int
    largest_integer: int


@dataclass
class _TracedValue:
    """What is known of a value. `labels` are None where every element depends on the images."""

    labels: Tensor | None
    atoms: dict[object, Tensor] = field(default_factory=dict)  # what a table is a polynomial of, with labels of each
    size: int = 0  # numbers in the table
    degree: int = 0
    is_small: bool = False
    is_image: bool = False  # stands for an image: blank pixels, or the same for all images that are tried
    is_mixed: bool = False  # images had a small part in it
    counted: int = 0  # numbers of tables that met the images on the way to this value

    @property
    def is_table(self) -> bool:
        return self.labels is not None and not bool((self.labels == DEPENDS).any())


def table_use(network: spec.Network, digits: Tensor) -> TableUse:
    """Follow all tables of the network in test mode; `digits` are several images like those it is tested on.

    Raises SpecError.
    """
    with torch.no_grad():
        trace = _TableTrace(network, digits)
        for call in trace.program.calls:
            trace.step(call)
        output = trace.known[trace.first_node + network.eval.output.node]
        if isinstance(output, _TracedValue) and not output.is_image:
            trace.meet(output)
    found = [labels for labels in trace.met.values() if labels.numel()]
    return TableUse(len(torch.unique(torch.cat(found))) if found else 0, trace.largest_integer)


class _TableTrace:
    def __init__(self, network: spec.Network, digits: Tensor) -> None:
        self.nodes = network.eval.nodes
        self.program = Program(self.nodes, len(network.tensors), None)
        self.first_node = self.program.first_node
        self.elements = 0  # computed in one of the runs
        self.generator = torch.Generator().manual_seed(0)
        self.labels = Labels()
        self.met: dict[object, Tensor] = {}
        self.runs = trial_runs(network, digits, self.generator)
        # pixels that are the same in every digit are constants
        is_blank = (digits == digits[:1]).all(0).expand(2, -1, -1, -1)
        labels = self.labels.by_value(self.runs[0][0]).masked_fill_(~is_blank, DEPENDS)
        self.known: list[Any] = [_TracedValue(labels), *self._stored_values(network)]
        self.largest_integer = max(map(_largest_integer, self.runs[0][1:]), default=0)

    def _stored_values(self, network: spec.Network) -> Iterator[_TracedValue]:
        statistics = batch_norm_statistics(network)
        for index, tensor in enumerate(network.tensors):
            labels = self.labels.fresh(tensor.shape)
            atoms: dict[object, Tensor] = {}
            if index not in statistics:  # which count elsewhere
                atoms = {("tensor", index): labels.flatten()}
            size = labels.numel()
            yield _TracedValue(labels, atoms, size, degree=int(size > 1), is_small=size <= SMALL)

    # --- one operator

    def step(self, call: Call) -> None:
        """Run a call in every run, and learn what its result is."""
        for run in self.runs:
            run.append(self.program.compute(call, run, _CPU))
            if run is self.runs[0]:
                self._limit_elements(call, run[call.output])
        results = [run[call.output] for run in self.runs]
        if call.name == "size.getitem":
            source = call.args[0]
            items = self.known[source.index] if isinstance(source, ValueRef) else None
            self.known.append(items[call.args[1]] if isinstance(items, list) else None)
            return
        inputs = [index for index in call.reads if isinstance(self.runs[0][index], Tensor)]
        labels = self._structural_labels(call, inputs, results[0])
        if isinstance(results[0], tuple | list):
            parts = labels if isinstance(labels, list) else [labels] * len(results[0])
            columns = list(zip(*results, strict=True))
            self.known.append(
                [self._learn(call, inputs, list(c), p, i) for i, (c, p) in enumerate(zip(columns, parts, strict=True))]
            )
        elif isinstance(results[0], Tensor):
            value = self._learn(call, inputs, results, labels if isinstance(labels, Tensor) else None, 0)
            self.known.append(value)
            self._add_noise(call, value)
            if is_in_place(call):
                self._learn_aliases(call, value)
        else:
            self.known.append(None)  # a size

    def _limit_elements(self, call: Call, result: Any) -> None:
        values = result if isinstance(result, tuple | list) else [result]
        self.elements += sum(value.numel() for value in values if isinstance(value, Tensor))
        if self.elements > MAX_ELEMENTS:
            node = self.nodes[call.output - self.first_node]
            place = f"Line {node.line}: " if node.line else ""
            raise SpecError(
                f"{place}With the result of {node.operator}, your network computes {self.elements:,} numbers for two "
                f"images, and {MAX_ELEMENTS:,} are allowed. Make tensors that do not depend on the images smaller."
            )

    def _structural_labels(
        self, call: Call, inputs: list[int], result: Any, *, frozen: bool = False
    ) -> Tensor | list[Tensor] | None:
        """Labels that follow from those of the inputs; None where the operator mixes images into every element.

        `frozen`: as if the images were constants.
        """
        known = [self.known[index] for index in inputs]
        if not known or all(value.labels is None for value in known):
            return None
        of_value = {id(self.runs[0][index]): self.known[index].labels for index in inputs}

        def label_of(value: Tensor) -> Tensor:
            labels = of_value[id(value)]
            if labels is None:
                return torch.full(value.shape, CONSTANT if frozen else DEPENDS, dtype=torch.float64)
            return torch.where(labels == DEPENDS, CONSTANT, labels) if frozen else labels

        if computes_each(call) and isinstance(result, Tensor):
            return self.labels.combined([label_of(self.runs[0][index]) for index in inputs], result.shape)
        is_index_known = all(value.is_table for value in known[1:])
        args, kwargs = self.program.arguments(call, self.runs[0])
        by_index = base_name(call) in MOVE_BY_INDEX
        if not by_index or is_index_known:
            moved = moved_labels(call, args, kwargs, label_of)
            if by_index and isinstance(moved, Tensor) and known[0].is_table:
                order = sum(value.size for value in known[1:])
                if order > len(distinct(moved)):  # the order holds more than what it puts in order
                    return self.labels.fresh(moved.shape)
            if moved is not None:
                return moved
        if not all(value.is_table for value in known):
            return None
        if isinstance(result, tuple | list):
            return [self.labels.fresh(item.shape) for item in result]
        return self.labels.fresh(result.shape)

    def _learn(
        self, call: Call, inputs: list[int], results: list[Tensor], labels: Tensor | None, item: int
    ) -> _TracedValue:
        known = [self.known[index] for index in inputs]
        self.largest_integer = max(self.largest_integer, _largest_integer(results[0]))
        degree = degree_of(
            call, [value.degree for value in known], [self.runs[0][index] for index in inputs], results[0]
        )
        follows = labels is not None and not bool((labels == DEPENDS).any())
        is_mixed = any(value.is_mixed for value in known)
        if not follows:
            may_be_table = item == 0 and any(before.is_table for before in known)
            frozen = self._structural_labels(call, inputs, results[0], frozen=True) if may_be_table else None
            frozen = frozen if isinstance(frozen, Tensor) and bool((frozen > CONSTANT).any()) else None
            labels, follows = self._labels_beside_images(results, labels, frozen)
            is_mixed |= frozen is not None
        if not follows or (any(value.is_image for value in known) and base_name(call) not in FILL):
            for value in known:
                if not value.is_image or not follows:
                    self.meet(value)
        if labels is not None and degree > MAX_DEGREE:
            labels = self.labels.relabelled(labels)
        counted = max([0, *(max(v.counted, v.size) for v in known)])
        value = _TracedValue(labels, degree=degree, is_mixed=is_mixed and labels is not None, counted=counted)
        key = (call.output, item)
        if value.is_table:
            self._learn_table(value, key, known, results, inputs_are_tables=follows)
        elif labels is not None and degree > MAX_DEGREE:
            found = distinct(labels)
            if len(found) > (FEW if is_mixed else max(FEW, value.counted)):
                self.met[key] = found
                value.counted = len(found)
        return value

    def _labels_beside_images(
        self, results: list[Tensor], labels: Tensor | None, frozen: Tensor | None
    ) -> tuple[Tensor | None, bool]:
        """The labels of a value that images enter, and whether it is a function of tables as if they did not.

        `frozen` are the labels that it would have if the images were constants.
        """
        if _is_table(results):
            by_value = self.labels.by_value(results[0])
            if frozen is None:
                return by_value, False
            of_tables = frozen > CONSTANT
            return torch.where(of_tables, frozen, by_value), bool(of_tables.all())
        if frozen is not None:
            of_tables = frozen > CONSTANT
            found = torch.where(
                of_tables & steady_elements([results[run] for run in DIGITS + NOISE_IMAGES]), frozen, DEPENDS
            )
            labels = found if labels is None else torch.where(labels == DEPENDS, found, labels)
        return self._with_equal_elements(results, labels), False

    def _with_equal_elements(self, results: list[Tensor], labels: Tensor | None) -> Tensor | None:
        """`labels`, and one for each value that is the same for different images."""
        first, second = (results[run] for run in NOISE_IMAGES)
        if first.shape != second.shape:
            return None
        fixed = (first == second) & (first != 0)
        if not bool(fixed.any()):
            return labels
        by_value = self.labels.by_value(first).masked_fill_(~fixed, DEPENDS)
        return by_value if labels is None else torch.where(labels == DEPENDS, by_value, labels)

    def _learn_table(
        self,
        value: _TracedValue,
        key: object,
        known: list[_TracedValue],
        results: list[Tensor],
        *,
        inputs_are_tables: bool,
    ) -> None:
        """The size of a new table, and what it is a polynomial of."""
        assert value.labels is not None
        found = distinct(value.labels)
        is_tried = bool(known) and not inputs_are_tables  # and not the result of a factory, which reads nothing
        value.is_image = (
            is_tried or any(v.is_image for v in known) or not _equal(*(results[run] for run in NOISE_IMAGES))
        )
        exact = not all(v.is_small for v in known)
        regular = len(found)
        if regular > 2:
            regular = max(described_size(results[run], exact=exact) for run in PARAMETERS)
        value.size = min(len(found), regular)
        value.is_small = value.size <= SMALL
        if value.size <= 1:
            value.degree = 0
        is_polynomial = inputs_are_tables and bool(known) and value.degree <= MAX_DEGREE
        if is_polynomial and not _depends_on_rounding(results[0], results[NOISY], found):
            for v in known:
                value.atoms |= v.atoms
            if regular > 1 or len(found) <= 1:
                return
        value.degree = min(value.degree, 1)
        value.atoms = {key: found[: value.size]}

    def _add_noise(self, call: Call, value: _TracedValue) -> None:
        result = self.runs[NOISY][call.output]
        if not value.is_table or not result.is_floating_point() or base_name(call) in KEEP | MOVE:
            return
        factor = (1 + NOISE * torch.randn(result.shape, generator=self.generator)).to(result.dtype)
        if is_in_place(call):
            result.mul_(factor)
        else:
            self.runs[NOISY][call.output] = result * factor

    def _learn_aliases(self, call: Call, written: _TracedValue) -> None:
        """Values that share memory with what a call wrote into are no longer what they were."""
        storage = _storage(self.runs[0][call.output])
        for index in range(call.output):
            values = self.runs[0][index]
            known = self.known[index]
            for item in range(len(values)) if isinstance(values, tuple | list) else [None]:
                value = values if item is None else values[item]
                old = known if item is None else known[item]
                if not isinstance(value, Tensor) or _storage(value) != storage:
                    continue
                if old is None or (old.labels is None and written.labels is None):
                    continue
                results = [run[index] if item is None else run[index][item] for run in self.runs]
                new = self._rewritten(results, old, written, (call.output, index, item))
                if item is None:
                    self.known[index] = new
                else:
                    known[item] = new

    def _rewritten(self, results: list[Tensor], old: _TracedValue, written: _TracedValue, key: object) -> _TracedValue:
        if _is_table(results):
            labels = self.labels.fresh(results[0].shape)
            size = max(described_size(results[run], exact=True) for run in PARAMETERS)
            return _TracedValue(labels, {key: labels.flatten()[:size]}, size, degree=1, is_small=size <= SMALL)
        self.meet(old)
        self.meet(written)
        return _TracedValue(None, counted=max(old.counted, old.size, written.counted, written.size))

    # --- where tables meet images

    def meet(self, value: _TracedValue | list[_TracedValue] | None) -> None:
        """Count a table: what was stored, and of what was computed the table itself or what it is a polynomial of."""
        if not isinstance(value, _TracedValue) or not value.is_table:
            return
        assert value.labels is not None
        computed = {key: labels for key, labels in value.atoms.items() if not _is_stored(key)}
        self.met |= {key: labels for key, labels in value.atoms.items() if _is_stored(key)}
        if sum(map(len, computed.values())) > value.size:
            found = distinct(value.labels)[: value.size]
            computed = {("table", float(found[0]) if len(found) else 0.0, len(found)): found}
        self.met |= computed


def _is_stored(key: object) -> bool:
    return isinstance(key, tuple) and key[0] == "tensor"


def _is_table(results: list[Tensor]) -> bool:
    """Whether digits and noise give nearly the same value, and digits also with other parameters."""
    same_parameters = (DIGITS + NOISE_IMAGES, OTHER_PARAMETERS)
    return all(bool(steady_elements([results[run] for run in runs]).all()) for runs in same_parameters)


def _equal(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and torch.allclose(
        a.double(), b.double(), rtol=WHOLE_TOLERANCE, atol=1e-9, equal_nan=True
    )


def _depends_on_rounding(clean: Tensor, noisy: Tensor, found: Tensor) -> bool:
    """Whether a little noise changes many elements a lot: the rest of a difference of large numbers is a digit."""
    if len(found) <= 1 or not clean.is_floating_point():
        return False
    size = clean.abs()
    if not bool(size.isfinite().all()) or bool(((size > 0) & (size < _TINY * torch.finfo(clean.dtype).tiny)).any()):
        return True  # what underflows is rounded whatever the noise
    changed = (clean - noisy).abs() > NOISE_TOLERANCE * size
    return int(changed.sum()) > 1 + len(found) // 50  # by chance one honest element in 1,000 is that close to zero


def _storage(value: Tensor) -> int:
    return value.untyped_storage().data_ptr()


def _largest_integer(value: Tensor) -> int:
    if value.dtype not in (torch.int64, torch.int32) or not value.numel():
        return 0
    return max(abs(int(value.max())), abs(int(value.min())))
