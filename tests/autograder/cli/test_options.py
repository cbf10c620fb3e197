"""Options that several commands share."""

import click
import pytest
from click.testing import CliRunner

from autograder.cli.options import TRAINING_OPTIONS, grading_options
from autograder.grading.options import SMOKE_RUN, Options


def options_of(names, *arguments: str):
    """The Options that a command with these options is called with, or the result of a command that was not called."""
    received = []

    @click.command()
    @grading_options(*names)
    @click.option("--quick", is_flag=True)
    def command(options: Options, quick: bool) -> None:
        received.append((options, quick))

    result = CliRunner().invoke(command, list(arguments))
    return received[0] if received else result


def test_without_options_everything_has_the_defaults_of_the_dataclass():
    assert options_of(("assignment", *TRAINING_OPTIONS)) == (Options(), False)


def test_every_option_sets_its_field():
    arguments = "--assignment lesson1_baseline --device cpu --seeds 2 --max-minutes 3.5 --reduced 1/6000/2000"
    flags = "--trust-submissions --quick"
    assert options_of(("assignment", *TRAINING_OPTIONS), *arguments.split(), *flags.split()) == (
        Options("lesson1_baseline", "cpu", 1, 2, True, 3.5, SMOKE_RUN),
        True,
    )


def test_a_command_takes_only_the_options_that_it_names():
    options, _ = options_of(["trust_submissions"], "--trust-submissions")
    assert options == Options(trust_submissions=True)
    assert "No such option" in options_of(["trust_submissions"], "--seeds", "1").stderr


def test_help_shows_each_default_once():
    shown = " ".join(options_of(TRAINING_OPTIONS, "--help").stdout.split())
    assert "[default: 120.0]" in shown and "[default: auto]" in shown and "[default: as the rules say]" in shown
    assert shown.count("default") == 3


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["--device", "gpu"], "'gpu' is not one of 'auto', 'cpu', 'cuda'"),
        (["--seeds", "0"], "0 is not in the range 1<=x<=9"),
        (["--reduced", "1/600/200/0"], "Write EPOCHS/TRAIN/TEST"),
        (["--max-minutes", "soon"], "'soon' is not a valid float"),
    ],
)
def test_a_value_that_cannot_be_used_is_wrong_use(arguments, fragment):
    result = options_of(TRAINING_OPTIONS, *arguments)
    assert result.exit_code == 2 and fragment in result.stderr
