"""The process that runs a recipe: a spec, an inspection, or the sentence that says why there is none."""

import pytest
from pydantic import TypeAdapter

from autograder.workers.messages import CaptureRequest, InspectRequest
from autograder.workers.recipe import respond_to
from course.inspection.record import Inspection
from course.spec import Spec
from tests.support.recipes import TINY, TINY_COUNT


def test_a_recipe_becomes_a_spec_and_a_spec_an_inspection(spec):
    response = respond_to(CaptureRequest(source=TINY))
    assert response.kind == "spec" and Spec.from_json(response.text).hash == spec.hash
    response = respond_to(InspectRequest(spec=response.text))
    assert response.kind == "inspection"
    assert TypeAdapter(Inspection).validate_json(response.text).counted == TINY_COUNT


@pytest.mark.parametrize(
    ("source", "kind", "text"),
    [
        ("1 / 0", "error", "Line 1 (1 / 0): ZeroDivisionError: division by zero"),
        ("x = 1", "error", "does not bind the name `recipe`"),
        (TINY.replace("epochs=3", "epochs=0"), "refused", "epochs"),
    ],
)
def test_what_cannot_be_captured_is_told_in_a_sentence(source, kind, text):
    response = respond_to(CaptureRequest(source=source))
    assert response.kind == kind and text in response.text


RAISED = {  # the body of an exception's class, and a part of what is told
    "pass": "Odd: told",
    "def __str__(self): raise ValueError": "Odd: its __str__ raised ValueError",
    "def __str__(self): return 3": "Odd: its __str__ raised TypeError",
    "def __str__(self): exit(3)": "Odd: its __str__ raised SystemExit",
    "def __str__(self): return 'long ' * 10_000_000": "Odd: long long",
    "def __str__(self): return type('S', (str,), {'strip': None})('of its own')": "Odd: of its own",
    "__repr__ = None": "Odd: told",
}
PLACES = {
    "cell": TINY + "\nraise Odd('told')",
    "constructor": TINY.replace("super().__init__()", "super().__init__()\n        raise Odd('told')"),
    "forward": TINY.replace("x = F.relu", "raise Odd('told')\n        x = F.relu"),
    "optimizer": TINY
    + "\ndef optimizer(named):\n    raise Odd('told')\n\nrecipe = Recipe(model=Net, optimizer=optimizer)",
}


def told_of(place, base, body):
    response = respond_to(CaptureRequest(source=f"class Odd({base}):\n    {body}\n\n{PLACES[place]}"))
    assert response.kind == "error" and len(response.text) < 1000
    return response.text


@pytest.mark.parametrize("base", ["Exception", "BaseException", "SystemExit", "KeyboardInterrupt", "SyntaxError"])
@pytest.mark.parametrize("place", PLACES)
def test_whatever_kind_of_exception_a_recipe_raises_is_told(place, base):
    assert "Odd: told" in told_of(place, base, "pass")


@pytest.mark.parametrize("place", ["cell", "constructor"])
@pytest.mark.parametrize("body", RAISED)
def test_an_exception_that_does_not_describe_itself_is_told_all_the_same(body, place):
    assert RAISED[body] in told_of(place, "Exception", body)


def test_an_exception_that_answers_no_question_by_anything_else_is_told_too():
    body = "@property\n    def __class__(self): raise Odd"
    assert "cannot be described" in told_of("constructor", "Exception", body)
    assert "Odd: told" in told_of("cell", "Exception", body)


def test_where_pytorch_asks_an_exception_for_its_text_the_line_is_that_of_its_class():
    assert told_of("forward", "Exception", "def __str__(self): raise ValueError").startswith("Line 2 (def __str__")


def test_a_source_that_is_nested_too_deeply_is_no_lack_of_memory():
    response = respond_to(CaptureRequest(source="x = " + "(" * 150 + ")" * 150 + "\n" + "y = " + "-" * 100_000 + "1"))
    assert response.kind == "error" and "nested too deeply" in response.text


def test_a_forged_spec_is_refused():
    assert respond_to(InspectRequest(spec="{}")).kind == "refused"
