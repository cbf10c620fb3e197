"""Options that several commands share. Those of a grading take names and defaults from `Options`."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from autograder.grading.options import SMOKE_RUN, Options, ReducedRun
from course.errors import UsageError

if TYPE_CHECKING:
    from autograder.batch.webhook import Webhook

Command = Callable[..., None]

RENAMED = {"--cut": "--reduced", "--most-minutes": "--max-minutes"}  # the options of earlier versions


def _reduced_run(text: str) -> ReducedRun:
    try:
        return ReducedRun.parse(text)
    except UsageError as error:
        raise click.BadParameter(str(error)) from None


TRAINING_OPTIONS = ("device", "seeds", "max_minutes", "reduced", "trust_submissions")
_SETTINGS: dict[str, dict[str, Any]] = {
    "assignment": {"help": "The assignment whose rules apply; the course's rules.toml lists them."},
    "device": {
        "type": click.Choice(["auto", "cpu", "cuda"]),
        "help": "Where to train; auto is CUDA if there is a GPU.",
    },
    "seeds": {
        "type": click.IntRange(1, 9),
        "metavar": "N",
        "help": "Train at most this many seeds.  [default: as the rules say]",
    },
    "max_minutes": {
        "metavar": "MINUTES",
        "help": "Refuse a run that, by its first steps, would take longer than this.",
    },
    "reduced": {
        "type": _reduced_run,
        "metavar": "EPOCHS/TRAIN/TEST",
        "help": f"Shorten every run to so many epochs, training and test images, to try things out: {SMOKE_RUN}. "
        "Such a result is never official.",
    },
    "trust_submissions": {
        "help": "Grade without isolation if this machine has none: only for code that you would run yourself. "
        "The result says so."
    },
}


def grading_options(*names: str) -> Callable[[Command], Command]:
    """Decorate a command with an option for each of these fields of `Options`.

    The command is called with one parameter `options`, an `Options`, in place of one for each option.
    """
    defaults = {field.name: field.default for field in dataclasses.fields(Options)}

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def with_options(**arguments: Any) -> None:
            command(options=Options(**{name: arguments.pop(name) for name in names}), **arguments)

        decorated: Command = with_options
        for name in reversed(names):
            default = defaults[name]
            decorated = click.option(
                f"--{name.replace('_', '-')}",
                default=default,
                is_flag=default is False,
                show_default=default not in (None, False),
                **_SETTINGS[name],
            )(decorated)
        return decorated

    return decorate


def _jobs(text: str) -> int | None:
    return None if text == "auto" else int(click.IntRange(1)(text))


def _choose_course(context: click.Context, parameter: click.Parameter, folder: Path | None) -> None:
    from course.rules import choose_course

    if folder is not None and choose_course(folder) is None:
        raise click.BadParameter(
            f"There is no rules.toml in {folder}. Name the root of a course; `autograder init` makes one."
        )


course_option = click.Option(
    ["--course"],
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    expose_value=False,
    is_eager=True,  # other options may ask for the rules
    callback=_choose_course,
    help="The root of the course whose rules.toml counts.  [default: $UNDER8K_COURSE, or the one around this folder]",
)


jobs_option = click.option(
    "--jobs",
    type=_jobs,
    metavar="N",
    default="auto",
    show_default=True,
    help="How many to grade at a time; auto: one per core; on a GPU more and more, as long as that is faster.",
)


def _webhook(url: str) -> Webhook:
    from autograder.batch.webhook import Webhook

    try:
        return Webhook.parse(url)
    except UsageError as error:
        raise click.BadParameter(str(error)) from None


webhook_option = click.option(
    "--webhook",
    type=_webhook,
    envvar="UNDER8K_WEBHOOK",
    metavar="URL",
    help="Send a message there when this ends, fails or is interrupted; https only. The URL is a secret, and other "
    "users of this machine see options: set the variable instead.  [default: $UNDER8K_WEBHOOK]",
)
file_argument = click.argument("file", type=click.Path(path_type=Path))
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout and nothing else.")
store_option = click.option(
    "--store",
    "store_url",
    metavar="URL",
    help="Where results are kept: the path of a file, or postgresql://user@host/name.  "
    "[default: $UNDER8K_STORE, or results.db in the course's folder, or a file in your data folder]",
)
