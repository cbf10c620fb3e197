"""The seccomp filter, run on a BPF machine of our own: both processors, whichever this is."""

import re
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.sandbox.syscalls import filter_code, refused_numbers

X86, ARM = 0, 1  # columns of the table of system calls


def test_a_filter_refuses_what_the_table_lists_and_nothing_more_on_both_processors():
    for column, architecture in ((X86, 0xC000003E), (ARM, 0xC00000B7)):
        code = filter_code(column, architecture, pid=7, threads=False)
        refused = set(refused_numbers(column).values())
        special = {(56, 220), (435, 435), (62, 129), (234, 131), (302, 261), (157, 167), (72, 25), (16, 29)}
        for number in range(452):
            if number in refused:
                assert verdict(code, architecture, number) == ("errno", 1)
            elif number not in {pair[column] for pair in special}:
                assert verdict(code, architecture, number) == ("allow", 0)


def test_a_kernel_that_has_to_be_talked_to_gets_sockets_back_and_no_way_to_other_programs():
    for column, architecture in ((X86, 0xC000003E), (ARM, 0xC00000B7)):
        code = filter_code(column, architecture, pid=7, threads=True, sockets=True)
        everything, left = refused_numbers(column), refused_numbers(column, sockets=True)
        given_back = everything.keys() - left.keys()
        assert {"socket", "connect", "accept4"} <= given_back and not given_back & {
            "execve",
            "ptrace",
            "mount",
            "unshare",
        }
        for name, number in everything.items():
            assert verdict(code, architecture, number) == (("allow", 0) if name in given_back else ("errno", 1))


@given(number=st.integers(452, 2**32 - 1))
def test_a_call_that_the_table_is_too_old_to_know_does_not_exist(number):
    code = filter_code(X86, 0xC000003E, pid=7, threads=True)
    assert verdict(code, 0xC000003E, number) == ("errno", 38)


@given(number=st.integers(0, 500))
def test_a_call_by_another_processors_numbers_ends_the_process(number):
    assert verdict(filter_code(X86, 0xC000003E, pid=7, threads=True), 0x40000003, number) == ("kill", 0)


@given(pid=st.integers(1, 2**22), target=st.integers(0, 2**32 - 1))
def test_a_process_may_signal_itself_alone(pid, target):
    for column, kill, tgkill in ((X86, 62, 234), (ARM, 129, 131)):
        architecture = (0xC000003E, 0xC00000B7)[column]
        code = filter_code(column, architecture, pid, threads=False)
        expected = ("allow", 0) if target == pid else ("errno", 1)
        assert verdict(code, architecture, kill, target) == verdict(code, architecture, tgkill, target) == expected


@given(flags=st.integers(0, 2**32 - 1))
def test_clone_makes_threads_where_threads_are_allowed_and_never_a_process(flags):
    for threads in (False, True):
        code = filter_code(X86, 0xC000003E, pid=7, threads=threads)
        expected = ("allow", 0) if threads and flags & 0x10000 else ("errno", 1)
        assert verdict(code, 0xC000003E, 56, flags) == expected
        assert verdict(code, 0xC000003E, 435, flags) == ("errno", 38)


def verdict(code: bytes, architecture: int, number: int, argument: int = 0) -> tuple[str, int]:
    """What a filter says, by a small BPF machine of our own."""
    data = struct.pack("=IIQ6Q", number, architecture, 0, argument, 0, 0, 0, 0, 0)
    program = list(struct.iter_unpack("=HBBI", code))
    tests_of = {0x15: lambda k: value == k, 0x25: lambda k: value > k, 0x45: lambda k: value & k != 0}
    at, value = 0, 0
    while True:
        operation, if_true, if_false, k = program[at]
        at += 1
        if operation == 0x20:
            (value,) = struct.unpack_from("=I", data, k)
        elif operation == 0x06:
            return {0x7FFF: "allow", 0x8000: "kill", 0x0005: "errno"}[k >> 16], k & 0xFFFF
        else:
            at += if_true if tests_of[operation](k) else if_false


@pytest.mark.parametrize(
    ("column", "header"),
    [(X86, "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), (ARM, "/usr/include/asm-generic/unistd.h")],
)
def test_the_table_has_the_kernels_own_numbers(column, header):
    if not Path(header).exists():
        pytest.skip(f"{header} is not installed")
    theirs = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", Path(header).read_text()))
    ours = refused_numbers(column)
    assert len(ours) > 80
    assert ours == {name: int(theirs[name]) for name in ours}
