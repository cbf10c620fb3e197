"""The registry against torchvision itself."""

import inspect

import pytest
import torch
from torchvision import transforms as v1
from torchvision.transforms import v2

from course.transforms.registry import CLASSES, CONTAINERS, DTYPES, REGISTRY

RUNS_STUDENT_CODE = {"Lambda"}


def test_a_class_is_torchvisions_of_that_name_and_generation():
    assert CLASSES["RandomRotation", False] is v1.RandomRotation
    assert CLASSES["RandomRotation", True] is v2.RandomRotation
    assert ("ToDtype", False) not in CLASSES and ("Compose", True) not in CLASSES
    assert not RUNS_STUDENT_CODE & REGISTRY.keys()


@pytest.mark.parametrize(("name", "is_v2"), CLASSES, ids=lambda value: str(value))
def test_every_option_is_an_argument_of_the_constructor(name, is_v2):
    parameters = inspect.signature(CLASSES[name, is_v2]).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        pytest.skip(f"{name} takes any keyword")
    assert REGISTRY[name].options.keys() <= {p.name for p in parameters}


def test_every_entry_has_a_class_in_some_generation():
    assert {name for name, _ in CLASSES} == set(REGISTRY)


def test_every_class_that_names_chance_is_marked_as_random():
    named = {name for name in REGISTRY if name.startswith("Random")}
    assert all(REGISTRY[name].random for name in named)
    assert not any(
        REGISTRY[name].random for name in ("Compose", "ToTensor", "Normalize", "Resize", "CenterCrop", "Pad")
    )
    assert REGISTRY.keys() >= CONTAINERS and DTYPES["uint8"] is torch.uint8
