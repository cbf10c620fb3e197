"""A recipe's source runs alone, and what is wrong with it is named with its line."""

import sys

import pytest

from course.capture import run_recipe
from course.errors import RecipeError, StudentCodeError
from tests.support.recipes import TINY


@pytest.fixture(autouse=True)
def no_module_is_left(monkeypatch):
    monkeypatch.setitem(sys.modules, "recipe", None)


def test_the_recipe_that_the_source_assigns_is_returned():
    recipe = run_recipe(TINY)
    assert recipe.epochs == 3
    assert type(recipe.model()).__name__ == "Net"


def test_nothing_of_an_earlier_source_is_left():
    run_recipe(TINY)
    with pytest.raises(
        StudentCodeError, match=r"Line 1 \(recipe = Recipe\(\)\): NameError: name 'Recipe' is not defined"
    ):
        run_recipe("recipe = Recipe()")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 1\ny = (", r"Line 2: this is not valid Python \('\(' was never closed\): y = \("),
        ("x = 1\n%matplotlib inline", "Line 2: %matplotlib inline is a notebook command"),
        ("!pip install timm", "Line 1: !pip install timm is a notebook command"),
        ("x = 1\nx / 0", r"Line 2 \(x / 0\): ZeroDivisionError: division by zero"),
        ("raise SystemExit(0)", r"Line 1 \(raise SystemExit\(0\)\): SystemExit: 0"),
        ("raise KeyboardInterrupt", r"Line 1 \(raise KeyboardInterrupt\): KeyboardInterrupt"),
        (
            "import a_package_of_nobody",
            "named 'a_package_of_nobody'. Write the recipe with torch, torchvision",
        ),
        (
            "from torchvision import datasets\ntrain = datasets.MNIST('/nowhere/at/all', download=False)",
            r"Line 2 \(train = .*\): RuntimeError: .* A recipe needs no data: the grader has MNIST. Leave datasets",
        ),
        ("model = 1", "does not bind the name `recipe`"),
    ],
)
def test_a_source_that_makes_no_recipe_is_an_error_with_its_line(source, message):
    with pytest.raises(StudentCodeError, match=message):
        run_recipe(source)


def test_a_recipe_that_course_refuses_keeps_its_reason_and_gets_its_line():
    with pytest.raises(RecipeError, match="epochs") as refused:
        run_recipe(TINY.replace("epochs=3", "epochs=0"))
    line = refused.value.line
    assert TINY.splitlines()[line - 1].startswith("recipe = Recipe(")


def test_another_object_under_that_name_is_refused():
    with pytest.raises(RecipeError, match="`recipe` is int, and a Recipe"):
        run_recipe("recipe = 3")


def test_memory_that_runs_out_is_not_the_students_error():
    with pytest.raises(MemoryError):
        run_recipe("raise MemoryError")


@pytest.mark.parametrize("character", ["\ud800", "\0"])
def test_a_character_that_is_not_text_is_named_with_its_place(character):
    with pytest.raises(StudentCodeError, match="Line 2, column 3 holds"):
        run_recipe(f"\n# {character}")
