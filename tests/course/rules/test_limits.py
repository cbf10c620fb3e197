"""Limits come from the course's own rules.toml, and a wrong line of it is told with all that mends it."""

import re
import tomllib
from dataclasses import asdict, replace

import pytest

from course.errors import UsageError
from course.rules import PACKAGED, assignments, choose_course, load_rules, rules_file
from course.rules.limits import read_rules, to_toml

RIGHT = {
    "max_parameters": 1999,
    "max_epochs": 5,
    "accuracy": 0.985,
    "hold": 1,
    "near": 0.001,
    "seeds": 3,
    "allow_leaks": False,
}


@pytest.fixture
def write(tmp_path):
    """Writes a rules.toml with the table [small], changed as given; None leaves a key out."""

    def write(text="", **changes):
        table = {key: value for key, value in (RIGHT | changes).items() if value is not None}
        lines = [
            f"{key} = {str(value).lower() if type(value) is bool else repr(value)}" for key, value in table.items()
        ]
        path = tmp_path / "rules.toml"
        path.write_text(text or "\n".join(["[small]", *lines]))
        return path

    return write


def test_outside_of_a_course_the_packaged_rules_count():
    assert rules_file() == PACKAGED
    assert assignments()[-1] == "challenge"
    assert {name: tomllib.loads(PACKAGED.read_text())[name] for name in assignments()} == {
        name: {key: value for key, value in asdict(load_rules(name)).items() if key in RIGHT} for name in assignments()
    }


def test_in_a_course_its_own_rules_count_and_no_others(write):
    path = write(attempts="best")
    choose_course(path.parent)
    assert (rules_file(), assignments()) == (path, ("small",))
    optional = {"attempts": "best", "forbid": (), "transforms": None, "optimizers": None}
    optional |= {"data": "mnist", "train_images": None}
    assert asdict(load_rules("small")) == RIGHT | {"assignment": "small"} | optional
    with pytest.raises(UsageError, match=rf"no assignment 'challenge'.* small \({re.escape(str(path))}\)"):
        load_rules("challenge")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"max_parameters": 0}, "[small] max_parameters = 0: Input should be greater than or equal to 1"),
        ({"max_parameters": 1999.5}, "[small] max_parameters = 1999.5: Input should be a valid integer"),
        ({"max_parameters": "1999"}, "[small] max_parameters = '1999': Input should be a valid integer"),
        ({"accuracy": 98.5}, "[small] accuracy = 98.5: Input should be less than or equal to 1"),
        ({"accuracy": "0.985"}, "[small] accuracy = '0.985': Input should be a valid number"),
        ({"hold": True}, "[small] hold = True: Input should be a valid integer"),
        ({"hold": 6}, "[small] hold = 6 is more than max_epochs = 5"),
        ({"allow_leaks": 1}, "[small] allow_leaks = 1: Input should be a valid boolean"),
        ({"attempts": "first"}, "[small] attempts = 'first': Input should be 'last' or 'best'"),
        ({"seeds": None}, "[small] has no seeds. Its keys are: max_parameters, max_epochs, accuracy"),
        ({"max_params": 5}, "[small] has a key 'max_params' that is not known. Its keys are: max_parameters"),
        (
            {"forbid": ["dropout"]},
            "[small] forbid.0 = 'dropout': Input should be 'augmentation', 'scheduler', 'label_smoothing', 'clip_norm'",
        ),
        (
            {"transforms": ["ToTensor", "RandomRotations"]},
            "[small] transforms.1 = 'RandomRotations' is none that a recipe can have. Did you mean 'RandomRotation'? "
            "There are: Compose, RandomApply,",
        ),
        (
            {"transforms": ["totensor"]},
            "[small] transforms.0 = 'totensor' is none that a recipe can have. Did you mean 'T",
        ),
        (
            {"optimizers": ["Adam", "AdmaW"]},
            "[small] optimizers.1 = 'AdmaW' is none that a recipe can have. Did you mean",
        ),
        (
            {"optimizers": ["?"]},
            "[small] optimizers.0 = '?' is none that a recipe can have. There are: SGD, Adam, AdamW",
        ),
        ({"optimizers": "SGD"}, "[small] optimizers = 'SGD': Input should be a valid tuple"),
        (
            {"data": "mnits"},
            '[small] data = \'mnits\': Input should be "mnist", "fashion_mnist", "kmnist", or a folder',
        ),
        ({"data": "/srv/digits"}, "[small] data = '/srv/digits': Input should be"),
        ({"data": "data/../../digits"}, "[small] data = 'data/../../digits': Input should be"),
        ({"data": "./"}, "[small] data = './': Input should be"),
        ({"train_images": 0}, "[small] train_images = 0: Input should be greater than or equal to 1"),
        ({"train_images": 60_001}, "[small] train_images = 60001: mnist has 60,000 of them"),
        ({"assignment": "challenge"}, "[small] has a key 'assignment' that is not known"),
    ],
)
def test_a_wrong_line_is_told_with_file_table_key_value_and_what_is_allowed(write, change, said):
    path = write(**change)
    with pytest.raises(UsageError) as raised:
        read_rules(path)
    assert str(raised.value).startswith(f"{path}: {said}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[small\n", "cannot be read: .*line 1"),
        ("\xff", "has no|cannot be read"),
        ("# nothing\n", "There is no assignment in .*rules.toml"),
        ("hold = 2\n", "hold = 2 stands outside of a table"),
        ('["../x"]\nhold = 1', r"\[\.\./x\] is no name of an assignment"),
    ],
)
def test_a_file_without_sense_is_told(write, text, said):
    with pytest.raises(UsageError, match=said):
        read_rules(write(text))


@pytest.mark.parametrize("name", ["small", "week-2", "2.small"])
def test_written_as_toml_the_rules_of_an_assignment_are_read_as_they_were(tmp_path, write, name):
    rules = read_rules(write(forbid=["scheduler"], transforms=["ToTensor"], attempts="best"))["small"]
    rules = replace(rules, assignment=name)
    (tmp_path / "again.toml").write_text(to_toml(rules))
    assert read_rules(tmp_path / "again.toml") == {name: rules}


def test_what_a_recipe_may_not_have_is_said_in_words(write):
    rules = read_rules(write(forbid=["scheduler", "label_smoothing", "clip_norm", "average"]))["small"]
    assert " No scheduler and no smoothed labels and no clipped gradients and no averaged weights. " in rules.describe()


def test_what_is_trained_on_is_described_where_it_is_not_all_of_mnist(write):
    assert "Data" not in read_rules(write())["small"].describe()
    rules = read_rules(write(data="fashion_mnist", train_images=15_000))["small"]
    assert "Data: Fashion-MNIST. 15,000 training images." in rules.describe()
    assert "Data: ./digits." in replace(rules, data="./digits").describe()


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(UsageError, match=r"rules.toml cannot be read: .*No such file"):
        read_rules(tmp_path / "rules.toml")
