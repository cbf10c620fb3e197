"""The console of everything that is printed with rich."""

import os
import sys

import pytest

from autograder.console.rich_console import RichConsole


def test_a_closed_pipe_is_an_error_that_the_command_can_report(monkeypatch):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        with pytest.raises(BrokenPipeError):
            RichConsole().print("a line that nobody reads")
        os.dup2(os.open(os.devnull, os.O_WRONLY), stdout.fileno())  # what is still buffered goes there


def test_numbers_and_paths_are_not_highlighted(capsys):
    RichConsole().print("7,530 parameters in /tmp/x.py")
    assert capsys.readouterr().out == "7,530 parameters in /tmp/x.py\n"
