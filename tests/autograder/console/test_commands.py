"""Errors of a command: one sentence and an exit code."""

import errno
import os
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from autograder.console import ExitCode, report_errors
from course.errors import GraderError, UsageError


def run_command_that_raises(error: BaseException):
    @click.command()
    @report_errors
    def command() -> None:
        raise error

    return CliRunner().invoke(command)


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (UsageError("There is no file x."), 2, "autograder: There is no file x.\n"),
        (GraderError("The disk is full."), 3, "autograder: The disk is full.\n"),
        (KeyboardInterrupt(), 130, "Interrupted.\n"),
    ],
)
def test_an_error_is_one_sentence_and_an_exit_code(error, code, text):
    result = run_command_that_raises(error)
    assert (result.exit_code, result.stderr) == (code, text)


def test_a_bug_is_internal_and_shows_its_traceback():
    result = run_command_that_raises(ZeroDivisionError("a bug"))
    assert result.exit_code == ExitCode.INTERNAL
    assert result.stderr.startswith("Traceback") and "ZeroDivisionError: a bug" in result.stderr


def test_clicks_own_errors_stay_clicks():
    result = run_command_that_raises(click.UsageError("Say whom."))
    assert result.exit_code == 2 and "Error: Say whom." in result.stderr


@pytest.mark.parametrize("command", ["verify", "leaderboard", "doctor", "--help", "verify --help"])
def test_a_closed_pipe_ends_a_command_quietly(command):
    reader, writer = os.pipe()
    os.close(reader)
    arguments = [sys.executable, "-m", "autograder.cli.main", *command.split()]
    with os.fdopen(writer, "wb") as stdout:
        done = subprocess.run(arguments, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (ExitCode.BROKEN_PIPE, "")


def test_a_closed_pipe_for_messages_is_no_other_error():
    reader, writer = os.pipe()
    os.close(reader)
    arguments = [sys.executable, "-m", "autograder.cli.main", "verify", "--store", "x://y"]
    with os.fdopen(writer, "wb") as both:
        assert subprocess.run(arguments, stdout=both, stderr=both, timeout=300, check=False).returncode == 141


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_with_what_to_do(code):
    result = run_command_that_raises(OSError(code, os.strerror(code), "/data/grades.csv"))
    assert result.exit_code == ExitCode.INTERNAL and "Traceback" not in result.stderr
    assert f"no room left on the disk for /data/grades.csv ({os.strerror(code)}). Make room" in result.stderr
