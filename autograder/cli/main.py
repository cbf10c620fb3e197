"""The command `autograder`: the group of all commands."""

from __future__ import annotations

import sys
from typing import Any

import click

from autograder.cli.autograde import autograde
from autograder.cli.batch import batch
from autograder.cli.grade import grade, inspect
from autograder.cli.gradebook import audit, status
from autograder.cli.leaderboard import leaderboard
from autograder.cli.options import RENAMED, course_option
from autograder.cli.regrade import regrade
from autograder.cli.setup import data, doctor, init, new_assignment
from autograder.cli.store import explain, verify
from autograder.cli.students import students
from autograder.console import ExitCode, discard_output


class _Commands(click.Group):
    """Lists its commands in the order in which they are registered, and knows the options of earlier versions."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Also where `--help` or a message of click's is printed into a pipe that is closed: click would say 1."""
        try:
            return super().main(*args, **kwargs)
        finally:
            if type(sys.stdout).__name__ == "_PacifyFlushWrapper":  # click's sign for it
                discard_output()
                sys.exit(ExitCode.BROKEN_PIPE)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.NoSuchOption as error:
            if error.option_name in RENAMED:
                message = f"The option {error.option_name} is now called {RENAMED[error.option_name]}."
                raise click.UsageError(message) from None
            raise


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="under8k")
def main() -> None:
    """Find out whether a network with fewer than 8,000 parameters really holds 99.40 % on MNIST.

    Start with `autograder doctor`, which says what this machine offers for grading and what is missing.
    """


main.add_command(init)
for command in (
    new_assignment,
    doctor,
    data,
    inspect,
    grade,
    batch,
    autograde,
    regrade,
    leaderboard,
    students,
    status,
    audit,
    explain,
    verify,
):
    command.params.append(course_option)
    main.add_command(command)

if __name__ == "__main__":
    main()
