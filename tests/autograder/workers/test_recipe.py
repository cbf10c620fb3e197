"""The process that runs a recipe: a spec, an inspection, or the sentence that says why there is none."""

import pytest
from pydantic import TypeAdapter

from autograder.workers.messages import CaptureRequest, InspectRequest
from autograder.workers.recipe import respond_to
from course.inspection import Inspection
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


def test_a_forged_spec_is_refused():
    assert respond_to(InspectRequest(spec="{}")).kind == "refused"
