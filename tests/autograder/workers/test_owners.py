"""Owners of runs: a process that ended is known at once, one on another machine by its silence."""

import os
import subprocess
import sys

import pytest

from autograder.workers import owners


def owner_in_another_process() -> tuple[str, subprocess.Popen]:
    code = "from autograder.workers import owners; print(owners.new_owner(), flush=True); input()"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    return process.stdout.readline().strip(), process


@pytest.mark.slow
def test_a_process_is_alive_until_it_ends():
    owner, process = owner_in_another_process()
    assert owners.is_alive(owner, silent=0)
    process.communicate("\n", timeout=60)
    assert not owners.is_alive(owner, silent=0)


def test_two_claims_of_one_process_have_different_names_on_the_same_machine():
    first, second = owners.new_owner(), owners.new_owner()
    assert first != second and first.split()[:3] == second.split()[:3]
    assert owners.for_people(first).split()[1] == str(os.getpid())


@pytest.mark.parametrize("silent, alive", [(0, True), (owners.STALE_SECONDS + 1, False)])
def test_an_owner_elsewhere_counts_as_dead_once_it_is_silent(silent, alive):
    assert owners.is_alive("another-machine 1 0.00 abc", silent) is alive


def test_another_process_with_the_same_id_is_not_the_owner():
    machine, pid, _, part = owners.new_owner().split()
    assert not owners.is_alive(f"{machine} {pid} 1.00 {part}", silent=0)
    assert not owners.is_alive("", silent=0)
