"""Processes of nbgrader's that grade one hand-in after another: here a program that answers in their place."""

import sys

import pytest

from autograder.gradebook import collecting
from autograder.gradebook.collecting import Collected, NbgraderProcess, collect
from autograder.gradebook.nbgrader_process import HandInToGrade

STUB = """
import json, os, sys, time
for line in sys.stdin:
    student = json.loads(line)["student"]
    if student == "dies":
        sys.exit("killed by nobody")
    if student == "hangs":
        time.sleep(600)
    print(json.dumps("" if student == "ada" else f"{student} in {os.getcwd()}"), flush=True)
"""


class Display:
    def __init__(self):
        self.counts, self.results = [], []

    def collecting(self, count: int) -> None:
        self.counts.append(count)

    def collected(self, result: Collected) -> None:
        self.results.append(result)


@pytest.fixture(autouse=True)
def stub(monkeypatch):
    monkeypatch.setattr(collecting, "COMMAND", (sys.executable, "-c", STUB))


def hand_ins(*students: str) -> list[HandInToGrade]:
    return [HandInToGrade(student, "challenge") for student in students]


@pytest.mark.parametrize("jobs", [1, 2, 8])
def test_every_hand_in_is_graded_once_and_shown(tmp_path, jobs):
    display, asked = Display(), hand_ins("ada", "ben", "cy")
    results = collect(asked, tmp_path, display, jobs=jobs)
    assert display.counts == [3] and display.results == results
    assert {result.hand_in.student: result.problem for result in results} == {
        "ada": "",
        "ben": f"ben in {tmp_path}",
        "cy": f"cy in {tmp_path}",
    }


def test_a_process_that_dies_is_told_and_the_next_hand_in_gets_another_one(tmp_path):
    results = collect(hand_ins("dies", "ada"), tmp_path, Display())
    died = "The process that runs nbgrader died. Exit code 1, last line of stderr: killed by nobody"
    assert [result.problem for result in results] == [died, ""]


def test_an_interruption_ends_all_processes_at_once(tmp_path, monkeypatch):
    processes = []
    started = NbgraderProcess._started
    monkeypatch.setattr(NbgraderProcess, "_started", lambda self: processes.append(started(self)) or processes[-1])

    class Interrupted(Display):
        def collected(self, result: Collected) -> None:
            raise KeyboardInterrupt

    monkeypatch.setattr(collecting, "EXIT_SECONDS", 0.1)  # the stub does not end with its stdin
    with pytest.raises(KeyboardInterrupt):
        collect(hand_ins("ada", "hangs", "ben"), tmp_path, Interrupted(), jobs=2)
    assert processes and all(process.returncode is not None for process in processes)


def test_a_closed_process_is_not_started_again(tmp_path):
    process = NbgraderProcess(tmp_path)
    with process:
        assert process.autograde(*hand_ins("ada")) == ""
    assert process.autograde(*hand_ins("ada")) == "" and process._process is None
