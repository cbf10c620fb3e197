"""Builds a kernel out of instructions with llvmlite, and compiles it for the processor at hand.

    kernel = Kernel("double", pointers=["x", "y"], integers=["vectors"])
    with kernel.tasks(kernel["vectors"]) as i:
        x = kernel.load("x", i * LANES)
        kernel.store(x + x, "y", i * LANES)
    address = kernel.address()

A kernel is a function of an array of its arguments, the number of the thread that calls it, and the number of threads.
`tasks` divides a loop among the threads; no task may read what another one writes.

The bits of a result depend on neither threads nor processor: a vector has 16 lanes everywhere (LLVM makes two or four
registers of it where they are shorter), every operation rounds once, and LLVM may neither reorder sums nor fuse a
product with a sum. `fma` fuses them explicitly. Nothing checks an address: the caller passes sizes of its own tensors.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llvmlite import binding as llvm
from llvmlite import ir

LANES = 16  # numbers in a vector
FLOAT, DOUBLE, INT, POINTER, VOID = ir.FloatType(), ir.DoubleType(), ir.IntType(64), ir.PointerType(), ir.VoidType()
SIGNATURE = ir.FunctionType(VOID, [POINTER, INT, INT])
_SUFFIXES = {FLOAT: "f32", DOUBLE: "f64"}  # of the names of LLVM's intrinsic functions
_engines: list[llvm.ExecutionEngine] = []  # they own the compiled code
_names: dict[int, str] = {}  # of kernels by address


@functools.cache
def target_machine() -> tuple[llvm.TargetMachine, int]:
    """The processor at hand, and how many vectors of 16 lanes its registers hold."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features()
    avx512 = features.get("avx512f") and features.get("avx512vl") and features.get("avx512bw")
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        # on older Intel processors LLVM prefers half vectors, for a higher clock rate: here they would spill registers
        features=features.flatten() + (",-prefer-256-bit" if avx512 else ""),
        opt=3,
    )
    if avx512:
        return machine, 32
    return machine, 8  # AVX has 16 registers of half a vector, NEON 32 of a quarter


class Value:
    """A number or vector in a kernel; its operators emit instructions that round once."""

    def __init__(self, builder: ir.IRBuilder, value: ir.Value):
        self._builder, self.value = builder, value

    @property
    def _is_float(self) -> bool:
        return _element(self.value.type) in (FLOAT, DOUBLE)

    def _other(self, other: Operand) -> ir.Value:
        return other.value if isinstance(other, Value) else constant(self.value.type, other)

    def _emit(self, name: str, a: ir.Value, b: ir.Value) -> Value:
        return Value(self._builder, getattr(self._builder, ("f" if self._is_float else "") + name)(a, b))

    def __add__(self, other: Operand) -> Value:
        return self._emit("add", self.value, self._other(other))

    def __sub__(self, other: Operand) -> Value:
        return self._emit("sub", self.value, self._other(other))

    def __rsub__(self, other: Operand) -> Value:
        return self._emit("sub", self._other(other), self.value)

    def __mul__(self, other: Operand) -> Value:
        return self._emit("mul", self.value, self._other(other))

    __radd__, __rmul__ = __add__, __mul__

    def __truediv__(self, other: Operand) -> Value:
        return self._emit("div", self.value, self._other(other))

    def __rtruediv__(self, other: Operand) -> Value:
        return self._emit("div", self._other(other), self.value)

    def __floordiv__(self, other: Operand) -> Value:
        """Of integers; rounds towards zero, unlike Python's `//`."""
        return Value(self._builder, self._builder.sdiv(self.value, self._other(other)))

    def __mod__(self, other: Operand) -> Value:
        return Value(self._builder, self._builder.srem(self.value, self._other(other)))

    def __neg__(self) -> Value:
        return Value(self._builder, self._builder.fneg(self.value) if self._is_float else self._builder.neg(self.value))

    def __xor__(self, other: Operand) -> Value:
        return Value(self._builder, self._builder.xor(self.value, self._other(other)))

    def __and__(self, other: Operand) -> Value:
        return Value(self._builder, self._builder.and_(self.value, self._other(other)))

    def __or__(self, other: Operand) -> Value:
        return Value(self._builder, self._builder.or_(self.value, self._other(other)))

    def __lshift__(self, other: Operand) -> Value:
        return Value(self._builder, self._builder.shl(self.value, self._other(other)))

    def __rshift__(self, other: Operand) -> Value:
        """Fills with zeros."""
        return Value(self._builder, self._builder.lshr(self.value, self._other(other)))

    def _compare(self, comparison: str, other: Operand) -> Value:
        compare = self._builder.fcmp_ordered if self._is_float else self._builder.icmp_signed
        return Value(self._builder, compare(comparison, self.value, self._other(other)))

    def __lt__(self, other: Operand) -> Value:
        return self._compare("<", other)

    def __le__(self, other: Operand) -> Value:
        return self._compare("<=", other)

    def __gt__(self, other: Operand) -> Value:
        return self._compare(">", other)

    def __ge__(self, other: Operand) -> Value:
        return self._compare(">=", other)

    def equals(self, other: Operand) -> Value:
        return self._compare("==", other)

    @property
    def is_nan(self) -> Value:
        return Value(self._builder, self._builder.fcmp_unordered("uno", self.value, self.value))

    def where(self, condition: Value, other: Operand) -> Value:
        """This value where `condition`, else the other."""
        return Value(self._builder, self._builder.select(condition.value, self.value, self._other(other)))

    def minimum(self, other: Operand) -> Value:
        return self.where(self < other, other)

    def maximum(self, other: Operand) -> Value:
        return self.where(self > other, other)

    # ---- types

    def _converted(self, instruction: str, element: ir.Type) -> Value:
        type_ = self.value.type
        target = ir.VectorType(element, type_.count) if isinstance(type_, ir.VectorType) else element
        return Value(self._builder, getattr(self._builder, instruction)(self.value, target))

    def double(self) -> Value:
        return self._converted("fpext", DOUBLE)

    def single(self) -> Value:
        return self._converted("fptrunc", FLOAT)

    def to_float(self) -> Value:
        """An integer as float32."""
        return self._converted("sitofp", FLOAT)

    def to_double(self) -> Value:
        """An integer as float64."""
        return self._converted("sitofp", DOUBLE)

    def truncated(self, bits: int) -> Value:
        """An integer's lowest bits."""
        return self._converted("trunc", ir.IntType(bits))

    def as_signed_byte(self) -> Value:
        """An integer's lowest 8 bits, with their sign, as an integer of the same size."""
        type_ = self.value.type
        bits = _element(type_).width - 8
        return Value(self._builder, self._builder.ashr((self << bits).value, constant(type_, bits)))

    def to_int32(self) -> Value:
        """A float without its fraction."""
        return self._converted("fptosi", ir.IntType(32))

    def bits(self, target: ir.Type) -> Value:
        """The same bits as another type of the same size."""
        return Value(self._builder, self._builder.bitcast(self.value, target))

    def lanes(self, indices: Sequence[int]) -> Value:
        """A shorter vector of these lanes."""
        mask = ir.Constant(ir.VectorType(ir.IntType(32), len(indices)), list(indices))
        undefined = ir.Constant(self.value.type, ir.Undefined)
        return Value(self._builder, self._builder.shuffle_vector(self.value, undefined, mask))

    def lane_sum(self) -> Value:
        """The sum of all lanes: the first half plus the second, and so on."""
        total, count = self, self.value.type.count
        while count > 1:
            count //= 2
            total = total.lanes(range(count)) + total.lanes(range(count, 2 * count))
        return Value(self._builder, self._builder.extract_element(total.value, ir.IntType(32)(0)))


Operand = Value | int | float


def vector(element: ir.Type, count: int = LANES) -> ir.VectorType:
    return ir.VectorType(element, count)


def _element(type_: ir.Type) -> ir.Type:
    return type_.element if isinstance(type_, ir.VectorType) else type_


def constant(type_: ir.Type, number: float) -> ir.Constant:
    """`number`, in all lanes if the type is a vector."""
    return ir.Constant(type_, [number] * type_.count if isinstance(type_, ir.VectorType) else number)


class Kernel:
    """Builds a kernel whose arguments are `pointers` to float32 and int64 `integers`, all given by name."""

    def __init__(self, name: str, pointers: Sequence[str], integers: Sequence[str] = ()):
        self._name, self._module = name, ir.Module()
        function = ir.Function(self._module, SIGNATURE, name)
        array, self._thread, self._threads = function.args
        self._entry = function.append_basic_block()
        self._builder = ir.IRBuilder(self._entry)
        self._arguments: dict[str, ir.Value] = {}
        for position, argument in enumerate([*pointers, *integers]):
            address = self._builder.gep(array, [INT(position)], source_etype=INT)
            self._arguments[argument] = self._builder.load(address, typ=INT if argument in integers else POINTER)
        body = function.append_basic_block()
        self._builder.position_at_end(body)

    def __getitem__(self, name: str) -> Value:
        """The integer argument of that name."""
        return self._value(self._arguments[name])

    def _value(self, value: ir.Value) -> Value:
        return Value(self._builder, value)

    def number(self, number: float, type_: ir.Type | None = None) -> Value:
        """A constant, by default in all lanes of a vector of float32."""
        return self._value(constant(vector(FLOAT) if type_ is None else type_, number))

    def vector_of_integers(self, numbers: Sequence[int]) -> Value:
        return self._value(ir.Constant(vector(INT, len(numbers)), list(numbers)))

    def are_below(self, first: Value, count: Value) -> Value:
        """Which of the numbers `first`, `first` + 1, ... in the lanes are below `count`."""
        return self.in_all_lanes(first) + self.vector_of_integers(range(LANES)) < self.in_all_lanes(count)

    # ---- loops

    @contextmanager
    def loop(self, start: Value | int, stop: Value | int, step: int = 1) -> Iterator[Value]:
        """`for index in range(start, stop, step)`: what is built inside is the loop's body."""
        before = self._builder.block
        head, body, after = (self._builder.append_basic_block() for _ in range(3))
        self._builder.branch(head)
        self._builder.position_at_end(head)
        index = self._builder.phi(INT)
        index.add_incoming(_int(start), before)
        self._builder.cbranch(self._builder.icmp_signed("<", index, _int(stop)), body, after)
        self._builder.position_at_end(body)
        yield self._value(index)
        index.add_incoming(self._builder.add(index, INT(step)), self._builder.block)
        self._builder.branch(head)
        self._builder.position_at_end(after)

    @contextmanager
    def tasks(self, count: Value | int) -> Iterator[Value]:
        """This thread's share of `range(count)`: neighbours, as many as another thread's or one more."""
        total, threads = self._value(_int(count)), self._value(self._threads)
        first = total * self._value(self._thread) // threads
        last = total * (self._value(self._thread) + 1) // threads
        with self.loop(first, last) as task:
            yield task

    # ---- memory

    def variable(self, initial: Value) -> Variable:
        """A value that can be assigned; LLVM keeps it in a register."""
        slot = ir.IRBuilder(self._entry).alloca(initial.value.type)
        return Variable(self, slot, initial)

    def load(self, pointer: str, index: Value | int, type_: ir.Type | None = None) -> Value:
        """What lies at `pointer[index]`, by default a vector of float32; the index counts numbers of that type."""
        type_ = vector(FLOAT) if type_ is None else type_
        return self._value(self._builder.load(self._address(pointer, index, type_), typ=type_, align=4))

    def gather(self, pointer: str, first: Value, offsets: Value) -> Value:
        """A vector of the float32 at `pointer[first + offset]` for each lane's offset, an int32."""
        numbers: ir.Value = ir.Constant(vector(FLOAT), ir.Undefined)
        for lane in range(LANES):
            position = ir.IntType(32)(lane)
            offset = self._value(self._builder.extract_element(offsets.value, position))
            number = self.scalar(pointer, first + Value(self._builder, self._builder.sext(offset.value, INT)))
            numbers = self._builder.insert_element(numbers, number.value, position)
        return self._value(numbers)

    def store(self, value: Value, pointer: str, index: Value | int) -> None:
        self._builder.store(value.value, self._address(pointer, index, value.value.type), align=4)

    def scalar(self, pointer: str, index: Value | int) -> Value:
        """The one float32 at `pointer[index]`."""
        return self.load(pointer, index, FLOAT)

    def broadcast(self, pointer: str, index: Value | int) -> Value:
        """The float32 at `pointer[index]` in all lanes."""
        return self.in_all_lanes(self.scalar(pointer, index))

    def in_all_lanes(self, number: Value, count: int = LANES) -> Value:
        type_ = vector(number.value.type, count)
        undefined = ir.Constant(type_, ir.Undefined)
        inserted = self._builder.insert_element(undefined, number.value, ir.IntType(32)(0))
        zeros = ir.Constant(vector(ir.IntType(32), count), [0] * count)
        return self._value(self._builder.shuffle_vector(inserted, undefined, zeros))

    def _address(self, pointer: str, index: Value | int, type_: ir.Type) -> ir.Value:
        return self._builder.gep(self._arguments[pointer], [_int(index)], source_etype=_element(type_))

    # ---- arithmetic

    def fma(self, a: Value, b: Value, c: Value) -> Value:
        """a * b + c, rounded once."""
        return self._call("fma", a, b, c)

    def sqrt(self, x: Value) -> Value:
        return self._call("sqrt", x)

    def round_to_even(self, x: Value) -> Value:
        """The nearest whole number."""
        return self._call("rint", x)

    def floor(self, x: Value) -> Value:
        return self._call("floor", x)

    def _call(self, name: str, *arguments: Value) -> Value:
        type_ = arguments[0].value.type
        scalar = _SUFFIXES[_element(type_)]
        suffix = f"v{type_.count}{scalar}" if isinstance(type_, ir.VectorType) else scalar
        function_type = ir.FunctionType(type_, [type_] * len(arguments))
        full_name = f"llvm.{name}.{suffix}"
        function = self._module.globals.get(full_name) or ir.Function(self._module, function_type, full_name)
        return self._value(self._builder.call(function, [argument.value for argument in arguments]))

    # ----

    def address(self) -> int:
        """The compiled function's address. Nothing can be added afterwards."""
        self._builder.ret_void()
        ir.IRBuilder(self._entry).branch(self._entry.parent.blocks[1])
        return compile_module(self._module, self._name)


class Variable:
    """A vector or number in a kernel that can be assigned."""

    def __init__(self, kernel: Kernel, slot: ir.Value, initial: Value):
        self._kernel, self._slot, self._type = kernel, slot, initial.value.type
        self.set(initial)

    def get(self) -> Value:
        return self._kernel._value(self._kernel._builder.load(self._slot, typ=self._type))

    def set(self, value: Value) -> None:
        self._kernel._builder.store(value.value, self._slot)


def _int(number: Value | int) -> ir.Value:
    return number.value if isinstance(number, Value) else INT(number)


def compile_module(module: Any, name: str) -> int:
    """Compile LLVM's module for this process, and give the address of its function `name`."""
    parsed = llvm.parse_assembly(str(module))
    machine = target_machine()[0]
    passes = llvm.create_new_module_pass_manager()
    passes.add_sroa_pass()
    passes.run(parsed, llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options()))
    engine = llvm.create_mcjit_compiler(parsed, machine)
    engine.finalize_object()
    _engines.append(engine)
    address = int(engine.get_function_address(name))
    _names[address] = name
    return address


def name_of(kernel: int) -> str:
    """The name of the kernel at this address."""
    return _names[kernel]
