"""What one grading prints."""

from dataclasses import replace

import pytest

from autograder.cli.terminal import GradingDisplay, print_inspection, print_verdict
from autograder.workers.messages import Progress, RunStarted
from course.inspection.record import Advice
from tests.support.stores import EPOCHS, INSPECTION, result_of


def grade_one_epoch(progress: GradingDisplay) -> None:
    progress.stage("inspecting the network")
    progress.run_started(2, 1234, RunStarted(device="cpu", device_name="a processor", threads=1, resumed=3))
    progress.progress(Progress(epoch=1, step=5, steps=10))
    progress.epoch(EPOCHS[0])


def test_progress_is_shown_on_stderr_alone(capsys):
    with GradingDisplay() as progress:
        grade_one_epoch(progress)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "... inspecting the network\n" in shown.err
    assert "... training run 2 (seed 1234) on cpu: a processor, resumed after epoch 3\n" in shown.err
    assert "EPOCH: 1 " in shown.err and "90.20" in shown.err


def test_a_quiet_grading_prints_nothing(capsys):
    with GradingDisplay(quiet=True) as progress:
        grade_one_epoch(progress)
    assert capsys.readouterr() == ("", "")


def test_a_verdict_comes_with_its_runs_reasons_and_isolation(capsys):
    print_verdict(result_of("fail"))
    shown = capsys.readouterr().out
    assert "seed 7 on cpu, 1 thread, 2 s: 90.20 90.40 90.60\n" in shown
    assert "\nFAIL: x.py, challenge\n  - Because.\n" in shown
    assert "isolation: bubblewrap; " in shown


def test_seeds_that_did_not_agree_are_mentioned(capsys):
    print_verdict(replace(result_of("pass"), borderline=True))
    assert "\nPASS (borderline: the seeds did not agree): x.py, challenge\n" in capsys.readouterr().out


@pytest.mark.parametrize("print_result", [print_verdict, print_inspection])
def test_a_students_text_cannot_control_the_terminal(capsys, print_result):
    hostile = replace(result_of("error"), submission="\x1b[31mx.py", reasons=("Oh\x1b]0;no\x07",))
    print_result(hostile)
    assert "\x1b" not in capsys.readouterr().out


def test_remarks_are_printed_with_the_counts(capsys):
    inspection = replace(INSPECTION, advice=(Advice("Look at this.\x1b[0m", 3, "lesson 1: Dead weight"),))
    print_verdict(replace(result_of("fail"), inspection=inspection))
    assert "remark: Line 3: Look at this. [0m (lesson 1: Dead weight)\n" in capsys.readouterr().out


def test_a_recipe_without_reasons_may_be_trained(capsys):
    print_inspection(replace(result_of("internal"), reasons=()))
    assert capsys.readouterr().out == "\nMay be trained: x.py, challenge\n"
