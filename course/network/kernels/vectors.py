"""A loop nest over vectors of float32, written with llvmlite and compiled for the processor at hand.

Numba's own vectors end where sums have to stay in registers over several loops; there the instructions are spelled out:

    nest = Nest("copy", pointers=["x", "y"], numbers=["count"])
    with nest.loop(0, nest["count"], nest.lanes) as at:
        nest.store(nest.load("x", at), "y", at)
    copy = nest.compiled()               # copy(x.data_ptr(), y.data_ptr(), 1024)

Nothing checks that an address is valid: whoever calls gives sizes that it has worked out from the arrays.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from llvmlite import binding as llvm
from llvmlite import ir

FLOAT, INT, POINTER = ir.FloatType(), ir.IntType(64), ir.PointerType()
_compiled = []  # what owns the compiled code


@functools.cache
def _machine() -> tuple[llvm.TargetMachine, int, int]:
    """The processor at hand, its lanes of float32, and how many vectors its registers hold."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features()
    wide = features.get("avx512f") and features.get("avx512vl")
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        # LLVM halves vectors on older Intel processors, where they slow the clock down: here it would spill registers
        features=features.flatten() + (",-prefer-256-bit" if wide else ""),
        opt=3,
    )
    if wide:
        return machine, 16, 32
    if features.get("avx2") and features.get("fma"):
        return machine, 8, 16
    return machine, 4, 32 if "aarch64" in machine.triple or "arm64" in machine.triple else 16


def lanes() -> int:
    return _machine()[1]


def registers() -> int:
    return _machine()[2]


class Index:
    """An int64 in a nest: `+`, `-` and `*` with another or with a number are instructions."""

    def __init__(self, build: ir.IRBuilder, value: ir.Value):
        self._build, self.value = build, value

    def __add__(self, other: Number) -> Index:
        return Index(self._build, self._build.add(self.value, plain(other)))

    def __sub__(self, other: Number) -> Index:
        return Index(self._build, self._build.sub(self.value, plain(other)))

    def __neg__(self) -> Index:
        return Index(self._build, self._build.neg(self.value))

    def __mul__(self, other: Number) -> Index:
        return Index(self._build, self._build.mul(self.value, plain(other)))

    def __floordiv__(self, other: Number) -> Index:
        """Rounded towards zero, other than a number's."""
        return Index(self._build, self._build.sdiv(self.value, plain(other)))


Number = Index | int


def plain(number: Number) -> ir.Value:
    return number.value if isinstance(number, Index) else ir.Constant(INT, number)


class Nest:
    """A function of `pointers` to float32, which do not overlap, and of int64 `numbers`, by their names."""

    def __init__(self, name: str, pointers: Sequence[str], numbers: Sequence[str]):
        self.lanes = lanes()
        self._name, self._pointers, self._numbers = name, len(pointers), len(numbers)
        self._vector = ir.VectorType(FLOAT, self.lanes)
        self._module = ir.Module()
        kind = ir.FunctionType(ir.VoidType(), [POINTER] * len(pointers) + [INT] * len(numbers))
        function = ir.Function(self._module, kind, name)
        for argument in function.args[: len(pointers)]:
            argument.attributes.add("noalias")
        self._arguments = dict(zip([*pointers, *numbers], function.args, strict=True))
        self._entry = function.append_basic_block()
        self._build = ir.IRBuilder(function.append_basic_block())
        self._masks: list[ir.Value] = []

    def __getitem__(self, name: str) -> Index:
        """One of the numbers."""
        return Index(self._build, self._arguments[name])

    def least(self, one: Number, other: Number) -> Index:
        return self._one_of("<", plain(one), plain(other))

    def most(self, one: Number, other: Number) -> Index:
        return self._one_of(">", plain(one), plain(other))

    def _one_of(self, comparison: str, one: ir.Value, other: ir.Value) -> Index:
        is_one = self._build.icmp_signed(comparison, one, other)
        return Index(self._build, self._build.select(is_one, one, other))

    @contextmanager
    def loop(self, start: Number, stop: Number, step: int = 1) -> Iterator[Index]:
        before = self._build.block
        head, body, after = (self._build.append_basic_block() for _ in range(3))
        self._build.branch(head)
        self._build.position_at_end(head)
        index = self._build.phi(INT)
        index.add_incoming(plain(start), before)
        self._build.cbranch(self._build.icmp_signed("<", index, plain(stop)), body, after)
        self._build.position_at_end(body)
        yield Index(self._build, index)
        index.add_incoming(self._build.add(index, plain(step)), self._build.block)
        self._build.branch(head)
        self._build.position_at_end(after)

    @contextmanager
    def tail(self, count: Number) -> Iterator[None]:
        """Inside, `load` and `store` touch the first `count` lanes; the others are read as zero."""
        build, lane = self._build, ir.VectorType(INT, self.lanes)
        many = self._spread(plain(count), lane)
        self._masks.append(build.icmp_signed("<", ir.Constant(lane, list(range(self.lanes))), many))
        yield
        self._masks.pop()

    # ---- vectors

    def zero(self) -> ir.Value:
        return ir.Constant(self._vector, [0.0] * self.lanes)

    def variable(self) -> ir.Value:
        """A vector that changes; it becomes a register."""
        return ir.IRBuilder(self._entry).alloca(self._vector)

    def get(self, variable: ir.Value) -> ir.Value:
        return self._build.load(variable, typ=self._vector)

    def set(self, variable: ir.Value, value: ir.Value) -> None:
        self._build.store(value, variable)

    def load(self, pointer: str, at: Number) -> ir.Value:
        place = self._place(pointer, at)
        if not self._masks:
            return self._build.load(place, typ=self._vector, align=4)
        kinds = [POINTER, ir.IntType(32), self._masks[-1].type, self._vector]
        function = self._intrinsic(f"llvm.masked.load.v{self.lanes}f32.p0", self._vector, kinds)
        return self._build.call(function, [place, ir.IntType(32)(4), self._masks[-1], self.zero()])

    def store(self, value: ir.Value, pointer: str, at: Number) -> None:
        place = self._place(pointer, at)
        if not self._masks:
            self._build.store(value, place, align=4)
            return
        kinds = [self._vector, POINTER, ir.IntType(32), self._masks[-1].type]
        function = self._intrinsic(f"llvm.masked.store.v{self.lanes}f32.p0", ir.VoidType(), kinds)
        self._build.call(function, [value, place, ir.IntType(32)(4), self._masks[-1]])

    def repeated(self, pointer: str, at: Number) -> ir.Value:
        """One number in all lanes."""
        return self._spread(self._build.load(self._place(pointer, at), typ=FLOAT), self._vector)

    def plus(self, one: ir.Value, other: ir.Value) -> ir.Value:
        return self._build.fadd(one, other)

    def plus_product(self, total: ir.Value, one: ir.Value, other: ir.Value) -> ir.Value:
        """total + one * other, rounded once where the processor can."""
        function = self._intrinsic(f"llvm.fmuladd.v{self.lanes}f32", self._vector, [self._vector] * 3)
        return self._build.call(function, [one, other, total])

    # ----

    def compiled(self) -> Callable[..., None]:
        """The function; it lets go of Python's lock while it runs."""
        self._build.ret_void()
        ir.IRBuilder(self._entry).branch(self._entry.parent.blocks[1])
        module = llvm.parse_assembly(str(self._module))
        machine = _machine()[0]
        passes = llvm.create_new_module_pass_manager()
        passes.add_sroa_pass()
        passes.run(module, llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options()))
        engine = llvm.create_mcjit_compiler(module, machine)
        engine.finalize_object()
        _compiled.append(engine)
        kinds = [ctypes.c_void_p] * self._pointers + [ctypes.c_int64] * self._numbers
        return ctypes.CFUNCTYPE(None, *kinds)(engine.get_function_address(self._name))

    def _place(self, pointer: str, at: Number) -> ir.Value:
        return self._build.gep(self._arguments[pointer], [plain(at)], source_etype=FLOAT)

    def _spread(self, value: ir.Value, kind: ir.VectorType) -> ir.Value:
        nothing, first = ir.Constant(kind, ir.Undefined), ir.IntType(32)(0)
        one = self._build.insert_element(nothing, value, first)
        everywhere = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), [0] * self.lanes)
        return self._build.shuffle_vector(one, nothing, everywhere)

    def _intrinsic(self, name: str, result: ir.Type, arguments: list[ir.Type]) -> ir.Function:
        return self._module.globals.get(name) or ir.Function(self._module, ir.FunctionType(result, arguments), name)
