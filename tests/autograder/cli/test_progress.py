"""What a batch prints."""

import threading

from autograder.batch import BatchSummary, Outcome, SubmissionFile
from autograder.cli.progress import BatchProgress, outcome_line, print_summary
from autograder.store import SharedRecipe


def test_the_table_shows_progress_rate_and_time_left(tmp_path):
    from rich.console import Console

    progress = BatchProgress(3, quiet=True)
    for worker in range(2):
        progress.began(worker, SubmissionFile(tmp_path, f"student{worker}", "challenge"))
    progress.listener(1).stage("inspecting the network")
    console = Console(record=True, width=120, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(progress)
    outcome = Outcome("student0", "challenge", "x.py", "fail", ("Because.",), counted=162, best=450, total=500, runs=1)
    progress.finished(0, outcome)
    console.print(progress)
    console.file.close()
    shown = console.export_text()
    assert "\n0 of 3 graded (none); no rate yet" in shown
    assert "inspecting the network" in shown
    assert "1 of 3 graded (1 fail)" in shown and "a minute" in shown and "left" in shown


def test_the_table_can_be_refreshed_while_a_result_is_printed(tmp_path, monkeypatch):
    """Live refreshes the table in a thread of its own, and makes whoever prints wait for it."""

    def print_after_a_refresh(*_, **__):
        refresh = threading.Thread(target=progress.__rich__, daemon=True)
        refresh.start()
        refresh.join(timeout=20)
        refreshed.append(not refresh.is_alive())

    progress, refreshed = BatchProgress(1, quiet=True), []
    monkeypatch.setattr(progress._console, "print", print_after_a_refresh)
    progress.began(0, SubmissionFile(tmp_path, "ada", "challenge"))
    progress.finished(0, Outcome("ada", "challenge", "x.py", "error", ("Because.",)))
    assert refreshed == [True]


def test_a_students_text_cannot_write_to_the_terminal(tmp_path):
    hostile = Outcome("\x1b[31mada", "challenge", "x.py", "error", ("[red]Oh\x1b]0;no\x07",))
    assert "\x1b" not in outcome_line(hostile).plain and "[red]Oh" in outcome_line(hostile).plain


def test_a_borderline_verdict_is_marked_and_runs_are_counted():
    outcome = Outcome(
        "ada", "challenge", "x.py", "fail", ("Because.",), True, counted=7530, best=9951, total=10000, runs=3
    )
    assert outcome_line(outcome, "[1/2] ").plain == (
        "[1/2] fail?      ada, challenge: 7,530 parameters, best 99.51%, 3 runs"
    )


def test_the_summary_names_faults_that_are_not_the_students_and_shared_recipes(capsys):
    outcomes = [
        Outcome("ada", "challenge", "a.py", "pass", ("Because.",), counted=1, best=9, total=10, runs=1),
        Outcome("bob", "challenge", "b.py", "internal", ("The disk is full.",)),
        Outcome("cyd", "challenge", "c.py", "pass", ("Because.",), counted=1, best=9, total=10, runs=1),
    ]
    print_summary(BatchSummary(outcomes, 63.0), [SharedRecipe("f" * 64, ("ada", "cyd"))], "results.db")
    shown = capsys.readouterr().out
    assert shown.splitlines()[0] == "3 submissions in 1:03: 2 pass, 1 internal."
    assert "graded again next time: internal   bob, challenge: The disk is full." in shown
    assert "the same recipe (ffffffffffff): ada, cyd" in shown
    assert shown.splitlines()[-1] == "All results are in the store results.db."
