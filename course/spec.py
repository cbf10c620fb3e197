"""The spec: a recipe as validated plain data, and nothing else.

A spec comes from the student's process, so it is untrusted when the grader reads it. Its size, depth, names and numbers
are bounded here; operators and options are checked against allow-lists where they are used (`network`, `transforms`,
`training.optimizers`). Nothing in it is ever executed, imported or unpickled.

    spec = Spec.from_json(text)      # raises SpecError
    spec.to_json()                   # canonical: sorted keys, no spaces, so that equal specs have equal text
    spec.hash                        # SHA-256 of that form, as 64 hex digits
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Any, Literal, NoReturn, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)
from typing_extensions import TypeAliasType

from course.errors import RecipeError, SpecError
from course.recipe import MAX_BATCH_SIZE, MAX_EPOCHS

MAX_BYTES = 4_000_000  # 7,035 steps of one-cycle rates and momenta take about 0.3 MB
MAX_DEPTH = 12
MAX_NODES = 600  # the usual student network has 20-80
MAX_INIT_NODES = 4_000
MAX_VALUES = 256  # numbers that a spec may contain as values, all constants together
MAX_STEPS = 400_000
MAX_SHOWN = 3  # differences of two specs
ADVICE = (
    "A recipe must be the same each time it is run: write the number itself in place of what depends on the time, on "
    "the process or on an unseeded random number."
)

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.]{0,199}$")]
TENSOR_NAME = r"^\w[\w .-]{0,199}$"  # letters and digits of any script: self.größe, add_module("layer 1", ...)
TensorName = Annotated[str, Field(pattern=TENSOR_NAME)]
ShortText = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.,> -]{0,80}$")]  # "tanh", or einsum's "bchw,co->bohw"
Size = Annotated[int, Field(ge=0, le=1_000_000)]


class SpecModel(BaseModel):
    """Base of all parts of a spec: frozen, exact types, no unknown fields, no infinities."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Input(SpecModel):
    """The batch of images, (N, 1, 28, 28)."""

    input: Literal[0] = 0


class TensorRef(SpecModel):
    """The tensor `network.tensors[tensor]`."""

    tensor: Annotated[int, Field(ge=0, le=MAX_INIT_NODES)]


class NodeRef(SpecModel):
    """The value of an earlier node of the same graph."""

    node: Annotated[int, Field(ge=0, le=MAX_INIT_NODES)]


Reference = Input | TensorRef | NodeRef


DtypeName = Literal["float32", "float64", "int64", "int32", "bool", "uint8"]


class Dtype(SpecModel):
    """The tensor type `torch.<dtype>`."""

    dtype: DtypeName


# tried from left to right: 1 must become an integer and not a float
Argument = TypeAliasType(
    "Argument",
    Annotated[
        "None | bool | int | float | ShortText | Input | TensorRef | NodeRef | Dtype | tuple[Argument, ...]",
        Field(union_mode="left_to_right"),
    ],
)
TransformOption = TypeAliasType(
    "TransformOption",
    Annotated["None | bool | int | float | ShortText | tuple[TransformOption, ...]", Field(union_mode="left_to_right")],
)


class Node(SpecModel):
    """One operator call: `op` is a name such as `aten.conv2d.default`.

    `line` is the line of the student's source that it came from, `layer` the name of its module. Both are only shown.
    """

    op: Name
    args: tuple[Argument, ...] = ()
    kwargs: dict[ShortText, Argument] = {}
    line: int | None = None
    layer: TensorName | Literal[""] = ""

    @property
    def operator(self) -> str:
        """`conv2d` for `aten.conv2d.default`."""
        parts = self.op.split(".")
        return parts[1] if len(parts) > 1 else self.op


class Constant(SpecModel):
    """A small tensor given by its `values`, in row-major order."""

    shape: Annotated[tuple[Size, ...], Field(max_length=8)]
    dtype: Dtype
    values: Annotated[tuple[bool | int | float, ...], Field(max_length=MAX_VALUES)]


class Tensor(SpecModel):
    """A tensor of the network: a parameter, a buffer or a constant.

    `init` is the node of `Network.init` that computes its initial value, or the value itself.
    """

    name: TensorName
    kind: Literal["parameter", "buffer", "constant"]
    shape: Annotated[tuple[Size, ...], Field(max_length=8)]
    dtype: Dtype
    requires_grad: bool = False
    init: NodeRef | Constant


class Graph(SpecModel):
    """Nodes in the order in which they run; `output` is the value of shape (N, 10)."""

    nodes: Annotated[tuple[Node, ...], Field(max_length=MAX_NODES)]
    output: NodeRef


class Network(SpecModel):
    """What the model computes in train and in eval mode, and how its tensors are initialised.

    `init` replays the random and fill operations of the model's constructor under the run's seed; in it, a `TensorRef`
    refers to `constants`.
    """

    train: Graph
    eval: Graph
    tensors: Annotated[tuple[Tensor, ...], Field(max_length=MAX_NODES)]
    init: Annotated[tuple[Node, ...], Field(max_length=MAX_INIT_NODES)]
    constants: Annotated[tuple[Constant, ...], Field(max_length=MAX_VALUES)] = ()


class Transform(SpecModel):
    """One torchvision transform: class name, API version (v1 or v2) and constructor options."""

    name: Name
    v2: bool = False
    options: dict[ShortText, TransformOption] = {}
    children: tuple[Transform, ...] = ()


OptimizerOption = bool | int | float | None | tuple[float, float]


class ParameterGroup(SpecModel):
    """One parameter group: the names of its parameters and its options."""

    params: Annotated[tuple[TensorName, ...], Field(max_length=MAX_NODES)]
    options: dict[ShortText, OptimizerOption]


class Optimizer(SpecModel):
    """A class of `torch.optim`, and its parameter groups."""

    name: ShortText
    groups: Annotated[tuple[ParameterGroup, ...], Field(min_length=1, max_length=MAX_NODES)]


class ScheduleColumn(SpecModel):
    """One option of one parameter group over the run: `values[i]` is for step i or epoch i, as the table says."""

    group: Annotated[int, Field(ge=0, le=MAX_NODES)]
    option: ShortText
    values: Annotated[tuple[float | tuple[float, float], ...], Field(max_length=MAX_STEPS)]

    @model_validator(mode="after")
    def _check_values(self) -> Self:
        if len(set(map(type, self.values))) > 1:
            raise ValueError(f"the column of {self.option!r} has numbers and pairs of numbers: only one of them may be")
        return self


class RepeatedColumn(SpecModel):
    """An option that takes the same values as the column `same_as`, an earlier one of the table."""

    group: Annotated[int, Field(ge=0, le=MAX_NODES)]
    option: ShortText
    same_as: Annotated[int, Field(ge=0, le=64)]


class ScheduleTable(SpecModel):
    """A schedule as a table of values. Options without a column stay as the optimizer has them."""

    by: Literal["epoch", "batch"]
    columns: Annotated[tuple[ScheduleColumn | RepeatedColumn, ...], Field(max_length=64)]

    @model_validator(mode="after")
    def _check_repeated_columns(self) -> Self:
        for position, column in enumerate(self.columns):
            if isinstance(column, RepeatedColumn) and not (
                column.same_as < position and isinstance(self.columns[column.same_as], ScheduleColumn)
            ):
                raise ValueError(f"column {position} repeats column {column.same_as}, which has no values")
        return self

    def full_columns(self) -> Iterator[ScheduleColumn]:
        """All columns with their values."""
        for column in self.columns:
            if isinstance(column, RepeatedColumn):
                original = self.columns[column.same_as]
                assert isinstance(original, ScheduleColumn)  # checked above
                yield original.model_copy(update={"group": column.group, "option": column.option})
            else:
                yield column

    def without_repetitions(self) -> ScheduleTable:
        """The same table, in which equal columns are written once."""
        first: dict[tuple[float | tuple[float, float], ...], int] = {}
        columns: list[ScheduleColumn | RepeatedColumn] = []
        for position, column in enumerate(self.full_columns()):
            same_as = first.setdefault(column.values, position)
            if same_as == position:
                columns.append(column)
            else:
                columns.append(RepeatedColumn(group=column.group, option=column.option, same_as=same_as))
        return ScheduleTable(by=self.by, columns=tuple(columns))


class Plateau(SpecModel):
    """ReduceLROnPlateau and its options. It depends on a metric, so it cannot be a table."""

    metric: Literal["train_loss", "validation_loss", "test_loss"]
    mode: Literal["min", "max"]
    factor: Annotated[float, Field(gt=0, lt=1)]
    patience: Annotated[int, Field(ge=0, le=1000)]
    threshold: float
    threshold_mode: Literal["rel", "abs"]
    cooldown: Annotated[int, Field(ge=0, le=1000)]
    min_lrs: Annotated[tuple[float, ...], Field(max_length=MAX_NODES)]
    eps: float


OPTIONS = {"label_smoothing": 0.0, "clip_norm": None, "average_decay": None}  # of a spec, as they are without use


class Spec(SpecModel):
    """A recipe as plain data. Recipes with equal hashes train to the same accuracies."""

    version: Literal[1] = 1
    network: Network
    train_transform: Annotated[tuple[Transform, ...], Field(max_length=64)]
    test_transform: Annotated[tuple[Transform, ...], Field(max_length=64)]
    optimizer: Optimizer
    schedule: ScheduleTable | Plateau | None = None
    epochs: Annotated[int, Field(ge=1, le=MAX_EPOCHS)]
    batch_size: Annotated[int, Field(ge=1, le=MAX_BATCH_SIZE)]
    loss: Literal["nll", "cross_entropy"]
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    clip_norm: Annotated[float, Field(gt=0)] | None = None
    average_decay: Annotated[float, Field(gt=0, lt=1)] | None = None  # of an exponential moving average of the weights

    @model_serializer(mode="wrap")
    def _without_unused_options(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Options that are not used are left out, so a recipe without them has the text and hash that it always had."""
        data: dict[str, Any] = dump(self)
        return {name: value for name, value in data.items() if name not in OPTIONS or value != OPTIONS[name]}

    @model_validator(mode="after")
    def _check_number_of_values(self) -> Self:
        values = [c.values for c in self.network.constants]
        values += [t.init.values for t in self.network.tensors if isinstance(t.init, Constant)]
        total = sum(map(len, values))
        if total > MAX_VALUES:
            raise ValueError(f"{total:,} numbers are handed over by value, and {MAX_VALUES} are allowed")
        return self

    @classmethod
    def from_json(cls, text: str | bytes) -> Spec:
        """Read a spec from untrusted text. Raises SpecError and no other exception."""
        if len(text) > MAX_BYTES:
            raise SpecError(f"The spec takes {len(text):,} bytes, and {MAX_BYTES:,} are allowed.")
        try:
            data = json.loads(text, parse_constant=_refuse_constant)
            _check_bounds(data)
            # from JSON, because strict mode accepts a list as a tuple only there
            return cls.model_validate_json(json.dumps(data))
        except ValidationError as error:
            place, problem = first_validation_error(error)
            raise SpecError(f"The spec is not valid at {place or 'the top'}: {problem}.") from None
        except (ValueError, RecursionError) as error:
            raise SpecError(f"The spec cannot be read: {str(error)[:200]}.") from None

    def to_json(self) -> str:
        """The canonical text, which `from_json` reads."""
        return _canonical(self.model_dump(mode="json"))

    @cached_property
    def hash(self) -> str:
        """SHA-256 of what is trained, as 64 hex digits; the nodes' lines and layers are left out."""
        data = self.model_dump(mode="json")
        graphs = data["network"]["train"]["nodes"], data["network"]["eval"]["nodes"], data["network"]["init"]
        for node in (node for nodes in graphs for node in nodes):
            del node["line"], node["layer"]
        return hashlib.sha256(_canonical(data).encode()).hexdigest()


def leaves(value: object) -> Iterator[object]:
    """The items of nested tuples and lists, in order; any other value is its own only leaf."""
    if isinstance(value, tuple | list):
        for item in value:
            yield from leaves(item)
    else:
        yield value


def first_validation_error(error: ValidationError) -> tuple[str, str]:
    """Where pydantic found the first error ("network.tensors.0"; "" for the top), and what it is, without a full stop.

    The value itself is left out: it is untrusted.
    """
    first = error.errors(include_url=False, include_input=False)[0]
    return ".".join(map(str, first["loc"]))[:200], first["msg"].removeprefix("Value error, ")


def _canonical(data: object) -> str:
    return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a finite number")  # NaN, Infinity, -Infinity


def _check_bounds(data: object, depth: int = 0) -> None:
    """Bound the depth and the numbers of JSON data; json.loads reads 1e999 as infinity. Raises ValueError."""
    if depth > MAX_DEPTH:
        raise ValueError(f"it is nested more than {MAX_DEPTH} deep")
    if isinstance(data, float) and not math.isfinite(data):
        raise ValueError("it holds a number that is not finite")
    if isinstance(data, int) and abs(data) > 2**63 - 1:
        raise ValueError("it holds an integer of more than 64 bits")
    for child in data.values() if isinstance(data, dict) else data if isinstance(data, list) else ():
        _check_bounds(child, depth + 1)


def require_same(spec: Spec, again: Spec) -> None:
    """Raise RecipeError, naming what differs, unless both train the same."""
    if spec.hash != again.hash:
        found = "; ".join(differences(spec, again))
        raise RecipeError(f"The recipe is not the same when it is run twice: {found}. {ADVICE}")


def differences(spec: Spec, again: Spec) -> list[str]:
    """The first places where two specs differ, each with both values; lines and layers are left out."""
    found = list(_differences(spec.model_dump(mode="json"), again.model_dump(mode="json"), ""))
    return found[:MAX_SHOWN] + ([f"and {len(found) - MAX_SHOWN:,} more"] if len(found) > MAX_SHOWN else [])


def _differences(one: object, other: object, place: str) -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted((one.keys() | other.keys()) - {"line", "layer"}):
            yield from _differences(one.get(key), other.get(key), f"{place}.{key}" if place else key)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, (a, b) in enumerate(zip(one, other, strict=True)):
            yield from _differences(a, b, f"{place}.{number}")
    elif isinstance(one, list) and isinstance(other, list):
        yield f"{place} has {len(one):,} entries and {len(other):,}"
    elif one != other:
        yield f"{place} is {str(one)[:60]} and {str(other)[:60]}"
