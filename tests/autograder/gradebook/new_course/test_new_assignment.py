"""An assignment of one's own, from nothing to a verdict: a table and a notebook, and no Python."""

import json
import tomllib
from dataclasses import replace

import nbformat
import pytest
from click.testing import CliRunner

from autograder.cli.main import main
from autograder.gradebook.new_course.new_assignment import make_assignment, make_notebook
from autograder.grading.read_submission import read_recipe_source
from course.capture import capture, run_recipe
from course.errors import UsageError
from course.inspection.checks import inspect
from course.rules import PACKAGED, load_rules, refusals
from course.rules.limits import read_rules

SMALL = replace(
    load_rules("challenge"),
    assignment="small",
    max_parameters=1999,
    max_epochs=5,
    accuracy=0.985,
    hold=1,
    forbid=("augmentation",),
)
COMMAND = "new-assignment small --max-parameters 1999 --max-epochs 5 --accuracy 0.985 --hold 1 --forbid augmentation"


@pytest.fixture
def root(tmp_path):
    """A course, as far as its assignments go."""
    course = tmp_path / "course"
    course.mkdir()
    (course / "rules.toml").write_text(PACKAGED.read_text())
    (course / "nbgrader_config.py").touch()
    return course


def new_assignment(root, *more):
    return CliRunner().invoke(main, [*COMMAND.split(), *more, "--course", str(root)])


def test_an_assignment_is_a_table_and_a_notebook(root):
    before = (root / "rules.toml").read_text()
    done = new_assignment(root, "--points", "12")
    assert done.exit_code == 0, done.output
    notebook = root / "source" / "small" / "small.ipynb"
    assert str(notebook) in done.stdout and "nbgrader generate_assignment small" in done.stdout
    text = (root / "rules.toml").read_text()
    assert text.startswith(before) and tomllib.loads(text)["small"]["forbid"] == ["augmentation"]
    assert read_rules(root / "rules.toml")["small"] == SMALL
    cells = {cell.id: cell for cell in nbformat.read(notebook, 4).cells}
    assert cells["trained_score"].metadata.nbgrader.points == 12
    assert not [cell for cell in cells.values() if "1,999" in cell.source or "1999" in cell.source]


def test_the_recipe_in_the_notebook_keeps_the_rules_of_the_example(tmp_path):
    path = tmp_path / "small.ipynb"
    nbformat.write(make_notebook("small", 10), path)
    inspection = inspect(capture(run_recipe(read_recipe_source(path))))
    assert refusals(SMALL, inspection) == []
    assert inspection.counted == 1_758


def test_a_data_set_and_a_share_of_it_are_written_too(root):
    done = new_assignment(root, "--data", "fashion_mnist", "--train-images", "15000")
    assert done.exit_code == 0, done.output
    rules = read_rules(root / "rules.toml")
    assert (rules["small"].data, rules["small"].train_images) == ("fashion_mnist", 15_000)
    assert (rules["challenge"].data, rules["challenge"].train_images) == ("mnist", None)


@pytest.mark.training
@pytest.mark.usefixtures("warm")
def test_the_example_is_graded_by_its_own_rules(root, tmp_path):
    make_assignment(root, SMALL, points=10)
    notebook = root / "source" / "small" / "small.ipynb"
    command = [
        "grade",
        "--assignment",
        "small",
        "--reduced",
        "1/3000/500",
        "--no-store",
        "--json",
        "--course",
        str(root),
    ]
    graded = json.loads(CliRunner().invoke(main, [*command, str(notebook)]).stdout)
    assert graded["assignment"] == "small" and "needed: 493 of 500 (98.50%) for 1 epoch." in graded["reasons"][0]
    augmented = tmp_path / "augmented.py"
    augmented.write_text(
        read_recipe_source(notebook)
        .replace("Compose([", "Compose([RandomRotation(7), ")
        .replace("import Compose,", "import Compose, RandomRotation,")
    )
    refused = json.loads(CliRunner().invoke(main, [*command, str(augmented)]).stdout)
    assert refused["verdict"] == "refused" and refused["reasons"][0].startswith("augmentation: RandomRotation")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda root: None, ""),
        (lambda root: make_assignment(root, SMALL, 10), "has an assignment 'small' already. Choose another name"),
        (lambda root: (root / "source" / "small").mkdir(parents=True), "is there already. Choose another name"),
        (lambda root: (root / "rules.toml").write_text("[x]\nhold = 1"), "[x] has no max_parameters"),
    ],
)
def test_what_is_there_is_never_written_over(root, change, said):
    change(root)
    before = (root / "rules.toml").read_text()
    done = new_assignment(root)
    assert done.exit_code == (2 if said else 0) and said in done.stderr
    if said:
        assert (root / "rules.toml").read_text() == before


def test_a_wrong_limit_or_name_writes_nothing(root):
    before = (root / "rules.toml").read_text()
    for words, said in [
        (["--accuracy", "98.5"], "accuracy = 98.5: Input should be less than or equal to 1"),
        (["--hold", "9"], "hold = 9 is more than max_epochs = 5"),
    ]:
        done = new_assignment(root, *words)
        assert done.exit_code == 2 and said in done.stderr
    done = CliRunner().invoke(main, ["new-assignment", "../small", "--course", str(root)])
    assert done.exit_code == 2 and "no name of an assignment" in done.stderr
    assert (root / "rules.toml").read_text() == before and not (root / "source").exists()


def test_outside_of_a_course_the_next_step_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["new-assignment", "small"])
    assert done.exit_code == 2 and "autograder init" in done.stderr


def test_a_file_that_was_left_unreadable_is_told(root):
    (root / "rules.toml").write_text("[")
    with pytest.raises(UsageError, match="cannot be read"):
        make_assignment(root, SMALL, 10)
