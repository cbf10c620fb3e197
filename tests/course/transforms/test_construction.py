"""Untrusted specs: forged ones are refused, and whatever is accepted can be constructed and used."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision import transforms as v1
from torchvision.transforms import v2

from course.errors import RecipeError, SpecError
from course.spec import Transform
from course.transforms import build, describe, is_random
from course.transforms.construction import check_transforms, construct, constructor_arguments, flatten
from course.transforms.registry import CONTAINERS, REGISTRY
from tests.support.torchvision_reference import grey_images


def spec(name, v2=False, children=(), **options):
    return Transform(name=name, v2=v2, options=options, children=children)


FORGED = [
    spec("__import__"),
    spec("__class__"),
    spec("functional.to_tensor"),
    spec("Lambda", lambd="os.system"),
    spec("datasets"),
    spec("ToImage"),  # there is none in v1
    spec("ToTensor", inplace=True),
    spec("RandomRotation", degrees=(-5, 5)),  # options missing
    spec("RandomHorizontalFlip", p="0.5"),
    spec("RandomHorizontalFlip", p=True),
    spec("RandomHorizontalFlip", p=-0.1),
    spec("CenterCrop", size=(28, 10**6)),
    spec("CenterCrop", size=(28.0, 28.0)),
    spec("CenterCrop", size=(28,) * 3),
    spec("RandomErasing", p=0.5, scale=(0.3, 0.1), ratio=(0.3, 3.3), value=0, inplace=False),
    spec("RandomErasing", p=0.5, scale=(0.1, 0.3), ratio=(0.3, 3.3), value="mean", inplace=False),
    spec("GaussianBlur", kernel_size=(4, 4), sigma=(0.1, 2.0)),
    spec("AutoAugment", policy="__init__", interpolation="nearest", fill=None),
    spec("ConvertImageDtype", dtype="qint8"),
    spec("RandomApply", p=0.5),  # without children
    spec("ToTensor", children=(spec("ToTensor"),)),
    spec("RandomChoice", p=(0.0,), children=(spec("ToTensor"),)),
    spec("RandomOrder", children=(spec("__import__"),)),
]


@pytest.mark.parametrize("forged", FORGED, ids=range(len(FORGED)))
@pytest.mark.parametrize("read", [lambda s: build(s, "cpu"), is_random, describe])
def test_forged_data_is_refused_wherever_it_is_read(forged, read):
    with pytest.raises(SpecError):
        read((forged, spec("ToTensor")))


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.floats(allow_nan=False, allow_infinity=False)
    | st.from_regex(r"[A-Za-z0-9_.]{0,12}", fullmatch=True),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=6,
)  # fmt: skip


@given(st.data())
def test_no_options_whatever_raise_anything_but_a_recipe_error(data):
    name = data.draw(st.sampled_from(sorted(REGISTRY)))
    options = {option: data.draw(values) for option in REGISTRY[name].options}
    children = (spec("ToTensor"),) if name in CONTAINERS else ()
    try:
        pipeline = build((spec(name, v2=data.draw(st.booleans()), children=children, **options),), "cpu")
    except RecipeError:
        return
    assert pipeline(grey_images(1)[:, 0], torch.Generator()).shape == (1, 1, 28, 28)


def test_a_spec_is_constructed_as_torchvisions_object_of_its_generation_and_options():
    rotation = construct(ROTATION)
    assert type(rotation) is v1.RandomRotation
    assert type(construct(ROTATION.model_copy(update={"v2": True}))) is v2.RandomRotation
    assert rotation.degrees == [-5, 7] and rotation.interpolation is v1.InterpolationMode.BILINEAR
    nested = construct(spec("RandomApply", p=0.25, children=(ROTATION, spec("ToTensor"))))
    assert nested.p == 0.25 and [type(t) for t in nested.transforms] == [v1.RandomRotation, v1.ToTensor]


ROTATION = spec("RandomRotation", degrees=(-5, 7), expand=False, center=None, interpolation="bilinear", fill=0)
EXPANDING = ROTATION.model_copy(update={"options": ROTATION.options | {"expand": True}})


def test_names_of_dtypes_and_modes_become_torchs_objects():
    assert constructor_arguments(spec("ConvertImageDtype", dtype="uint8")) == {"dtype": torch.uint8}
    assert constructor_arguments(ROTATION)["interpolation"] is v1.InterpolationMode.BILINEAR


def test_flattening_gives_each_spec_before_the_ones_inside_it():
    inner = spec("RandomApply", p=0.5, children=(spec("ToTensor"),))
    outer = spec("RandomOrder", children=(inner, spec("RandomInvert", p=1.0)))
    assert [s.name for s in flatten([outer, ROTATION])] == [
        "RandomOrder",
        "RandomApply",
        "ToTensor",
        "RandomInvert",
        "RandomRotation",
    ]


@pytest.mark.parametrize(
    ("specs", "says"),
    [
        ([spec("ToTensor")] * 65, "65 transforms, and 64 are allowed"),
        ([spec("RandomOrder", children=(spec("ToTensor"),) * 64)], "65 transforms, and 64 are allowed"),
        ([EXPANDING] * 3, "3 transforms make the image larger"),
        ([spec("RandomOrder")], "RandomOrder takes at least one transform inside it, and was given 0"),
        ([spec("ToTensor", children=(spec("ToTensor"),))], "ToTensor takes no transforms inside it, and was given 1"),
        ([spec("RandomInvert")], "RandomInvert takes the options p: look at p"),
        ([spec("RandomInvert", p=2)], r"RandomInvert\(p=2\) is not allowed: p must be a number from 0 to 1"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_limit(specs, says):
    with pytest.raises(SpecError, match=says):
        check_transforms(specs)


def test_rotations_that_do_not_expand_may_be_as_many_as_other_transforms():
    check_transforms([ROTATION] * 64)
