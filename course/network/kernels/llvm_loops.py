"""Builds a loop nest over vectors of float32 with llvmlite, and compiles it for the processor at hand.

Numba's own vectorisation does not keep sums in registers over several nested loops. Here the instructions are written
out:

    nest = LoopNest("copy", pointers=["x", "y"], integers=["count"])
    with nest.loop(0, nest["count"], nest.lanes) as i:
        nest.store(nest.load("x", i), "y", i)
    copy = nest.compiled()               # copy(x.data_ptr(), y.data_ptr(), 1024)

Nothing checks that an address is valid: the caller has to pass sizes that it derives from the arrays.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from llvmlite import binding as llvm
from llvmlite import ir

FLOAT, INT, POINTER = ir.FloatType(), ir.IntType(64), ir.PointerType()
_engines: list[llvm.ExecutionEngine] = []  # they own the compiled code


@functools.cache
def _target_machine() -> tuple[llvm.TargetMachine, int, int]:
    """The processor at hand, its lanes of float32 per vector, and its number of vector registers."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features()
    avx512 = features.get("avx512f") and features.get("avx512vl")
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        # on older Intel processors LLVM prefers half vectors, for a higher clock rate: here they would spill registers
        features=features.flatten() + (",-prefer-256-bit" if avx512 else ""),
        opt=3,
    )
    if avx512:
        return machine, 16, 32
    if features.get("avx2") and features.get("fma"):
        return machine, 8, 16
    return machine, 4, 32 if "aarch64" in machine.triple or "arm64" in machine.triple else 16


def lanes() -> int:
    """Numbers of type float32 in a vector."""
    return _target_machine()[1]


def registers() -> int:
    """Vector registers: 16 or 32."""
    return _target_machine()[2]


class IntExpr:
    """An int64 expression in a loop nest: `+`, `-`, `*` and `//` emit instructions."""

    def __init__(self, builder: ir.IRBuilder, value: ir.Value):
        self._builder, self.value = builder, value

    def __add__(self, other: IntLike) -> IntExpr:
        return IntExpr(self._builder, self._builder.add(self.value, _ir_value(other)))

    def __sub__(self, other: IntLike) -> IntExpr:
        return IntExpr(self._builder, self._builder.sub(self.value, _ir_value(other)))

    def __neg__(self) -> IntExpr:
        return IntExpr(self._builder, self._builder.neg(self.value))

    def __mul__(self, other: IntLike) -> IntExpr:
        return IntExpr(self._builder, self._builder.mul(self.value, _ir_value(other)))

    def __floordiv__(self, other: IntLike) -> IntExpr:
        """Rounds towards zero, unlike Python's `//`."""
        return IntExpr(self._builder, self._builder.sdiv(self.value, _ir_value(other)))


IntLike = IntExpr | int


def _ir_value(number: IntLike) -> ir.Value:
    return number.value if isinstance(number, IntExpr) else ir.Constant(INT, number)


class LoopNest:
    """Builds a function of float32 `pointers`, which must not overlap, and int64 `integers`, both given by name."""

    def __init__(self, name: str, pointers: Sequence[str], integers: Sequence[str]):
        self.lanes = lanes()
        self._name, self._pointers, self._integers = name, len(pointers), len(integers)
        self._vector = ir.VectorType(FLOAT, self.lanes)
        self._module = ir.Module()
        signature = ir.FunctionType(ir.VoidType(), [POINTER] * len(pointers) + [INT] * len(integers))
        function = ir.Function(self._module, signature, name)
        for argument in function.args[: len(pointers)]:
            argument.attributes.add("noalias")
        self._arguments = dict(zip([*pointers, *integers], function.args, strict=True))
        self._entry = function.append_basic_block()
        self._builder = ir.IRBuilder(function.append_basic_block())
        self._masks: list[ir.Value] = []

    def __getitem__(self, name: str) -> IntExpr:
        """The integer argument of that name."""
        return IntExpr(self._builder, self._arguments[name])

    # ---- integers and loops

    def minimum(self, a: IntLike, b: IntLike) -> IntExpr:
        return self._select("<", _ir_value(a), _ir_value(b))

    def maximum(self, a: IntLike, b: IntLike) -> IntExpr:
        return self._select(">", _ir_value(a), _ir_value(b))

    def _select(self, comparison: str, a: ir.Value, b: ir.Value) -> IntExpr:
        takes_a = self._builder.icmp_signed(comparison, a, b)
        return IntExpr(self._builder, self._builder.select(takes_a, a, b))

    @contextmanager
    def loop(self, start: IntLike, stop: IntLike, step: int = 1) -> Iterator[IntExpr]:
        """`for index in range(start, stop, step)`: what is built inside is the loop's body."""
        before = self._builder.block
        head, body, after = (self._builder.append_basic_block() for _ in range(3))
        self._builder.branch(head)
        self._builder.position_at_end(head)
        index = self._builder.phi(INT)
        index.add_incoming(_ir_value(start), before)
        self._builder.cbranch(self._builder.icmp_signed("<", index, _ir_value(stop)), body, after)
        self._builder.position_at_end(body)
        yield IntExpr(self._builder, index)
        index.add_incoming(self._builder.add(index, _ir_value(step)), self._builder.block)
        self._builder.branch(head)
        self._builder.position_at_end(after)

    @contextmanager
    def masked(self, count: IntLike) -> Iterator[None]:
        """Inside, `load` and `store` access only the first `count` lanes; `load` gives 0 in the others."""
        lane_type = ir.VectorType(INT, self.lanes)
        counts = self._splat(_ir_value(count), lane_type)
        lane_indices = ir.Constant(lane_type, list(range(self.lanes)))
        self._masks.append(self._builder.icmp_signed("<", lane_indices, counts))
        yield
        self._masks.pop()

    # ---- vectors

    def zero(self) -> ir.Value:
        return ir.Constant(self._vector, [0.0] * self.lanes)

    def variable(self) -> ir.Value:
        """A vector that can be assigned; LLVM keeps it in a register."""
        return ir.IRBuilder(self._entry).alloca(self._vector)

    def get(self, variable: ir.Value) -> ir.Value:
        return self._builder.load(variable, typ=self._vector)

    def set(self, variable: ir.Value, value: ir.Value) -> None:
        self._builder.store(value, variable)

    def load(self, pointer: str, offset: IntLike) -> ir.Value:
        """The vector at `pointer[offset]`."""
        address = self._address(pointer, offset)
        if not self._masks:
            return self._builder.load(address, typ=self._vector, align=4)
        types = [POINTER, ir.IntType(32), self._masks[-1].type, self._vector]
        function = self._intrinsic(f"llvm.masked.load.v{self.lanes}f32.p0", self._vector, types)
        return self._builder.call(function, [address, ir.IntType(32)(4), self._masks[-1], self.zero()])

    def store(self, value: ir.Value, pointer: str, offset: IntLike) -> None:
        address = self._address(pointer, offset)
        if not self._masks:
            self._builder.store(value, address, align=4)
            return
        types = [self._vector, POINTER, ir.IntType(32), self._masks[-1].type]
        function = self._intrinsic(f"llvm.masked.store.v{self.lanes}f32.p0", ir.VoidType(), types)
        self._builder.call(function, [value, address, ir.IntType(32)(4), self._masks[-1]])

    def broadcast(self, pointer: str, offset: IntLike) -> ir.Value:
        """The number at `pointer[offset]` in all lanes."""
        return self._splat(self._builder.load(self._address(pointer, offset), typ=FLOAT), self._vector)

    def add(self, a: ir.Value, b: ir.Value) -> ir.Value:
        return self._builder.fadd(a, b)

    def multiply_add(self, total: ir.Value, a: ir.Value, b: ir.Value) -> ir.Value:
        """total + a * b, rounded once where the processor can."""
        function = self._intrinsic(f"llvm.fmuladd.v{self.lanes}f32", self._vector, [self._vector] * 3)
        return self._builder.call(function, [a, b, total])

    # ----

    def compiled(self) -> Callable[..., None]:
        """The function; it releases Python's global lock while it runs. Nothing can be added afterwards."""
        self._builder.ret_void()
        ir.IRBuilder(self._entry).branch(self._entry.parent.blocks[1])
        module = llvm.parse_assembly(str(self._module))
        machine = _target_machine()[0]
        passes = llvm.create_new_module_pass_manager()
        passes.add_sroa_pass()
        passes.run(module, llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options()))
        engine = llvm.create_mcjit_compiler(module, machine)
        engine.finalize_object()
        _engines.append(engine)
        types = [ctypes.c_void_p] * self._pointers + [ctypes.c_int64] * self._integers
        return ctypes.CFUNCTYPE(None, *types)(engine.get_function_address(self._name))

    def _address(self, pointer: str, offset: IntLike) -> ir.Value:
        return self._builder.gep(self._arguments[pointer], [_ir_value(offset)], source_etype=FLOAT)

    def _splat(self, value: ir.Value, vector: ir.VectorType) -> ir.Value:
        """`value` in all lanes."""
        undefined, first = ir.Constant(vector, ir.Undefined), ir.IntType(32)(0)
        inserted = self._builder.insert_element(undefined, value, first)
        all_first = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), [0] * self.lanes)
        return self._builder.shuffle_vector(inserted, undefined, all_first)

    def _intrinsic(self, name: str, result: ir.Type, arguments: list[ir.Type]) -> ir.Function:
        return self._module.globals.get(name) or ir.Function(self._module, ir.FunctionType(result, arguments), name)
