"""Habits of other training loops are remarked with their line; the source is never run."""

from __future__ import annotations

import pytest

from course.inspection.advice.written import SourceNames, advice_on_source
from course.spec import Spec
from tests.support.networks import captured

LOOP = """
def train(model, loader, optimizer):
    for images, labels in loader:
        optimizer.zero_grad()
        loss = F.nll_loss(model(images), labels){}
        loss.backward(){}
        optimizer.step()
"""
L1 = """
        for parameter in model.parameters():
            loss = loss + 1e-5 * parameter.abs().sum()"""
CLIP = """
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)"""


def remarks_on(source: str, spec: Spec | None = None) -> list[str]:
    return list(map(str, advice_on_source(SourceNames(source), spec or captured("model2"))))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            LOOP.format("", CLIP),
            "Line 7: clip_grad_norm_ has no effect: the grader trains by its own loop. Recipe(clip_norm",
        ),
        (LOOP.format(L1, ""), "Line 7: A penalty that is added to the loss by hand has no effect."),
        (
            "x = 1\nscheduler = partial(SWALR, swa_lr=0.05)",
            "Line 2: SWALR averages nothing in the grader's own loop. Recipe(av",
        ),
        ("swa_utils.update_bn(loader, model)", "Line 1: update_bn averages nothing"),
        (
            "def mixup_data(x, y):\n    return x",
            "Line 1: mixup_data has no effect: the grader trains by its own loop. Noth",
        ),
        ("cutmix = v2.CutMix(num_classes=10)", "Line 1: cutmix has no effect"),
    ],
)
def test_what_the_grader_does_not_take_over_is_remarked_with_its_line_and_what_there_is(source, expected):
    (remark,) = remarks_on(source)
    assert remark.startswith(expected) and "Recipe(" in remark


@pytest.mark.parametrize(
    "source",
    [
        LOOP.format("", ""),
        "from torch.optim.swa_utils import SWALR",  # not used
        "class Net:\n    def forward(self, x):\n        return x.abs().norm()",
        "def count(model):\n    return sum(p.numel() for p in model.parameters())",
        "mixed = AugMix()",
        "",
        "this is not Python",
        "(" * 5000,
    ],
)
def test_everything_else_is_left_alone(source):
    assert remarks_on(source) == []


def test_where_the_recipe_has_the_option_a_habit_needs_no_remark():
    spec = captured("model2").model_copy(update={"clip_norm": 1.0, "average_decay": 0.99, "label_smoothing": 0.1})
    source = LOOP.format("", CLIP) + "\nAveragedModel\nmixup"
    assert len(remarks_on(source)) == 3 and remarks_on(source, spec) == []


def test_the_first_line_that_uses_a_name_is_found_and_an_import_uses_none():
    source = SourceNames("from course import Recipe\nx = T.ToTensor()\nrecipe = Recipe(\n  model=Net)\nRecipe")
    assert (source.line_of("Recipe"), source.line_of("ToTensor"), source.line_of("Normalize")) == (3, 2, None)
