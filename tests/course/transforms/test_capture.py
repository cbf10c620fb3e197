"""What is read off torchvision pipelines, what is refused, and the way through JSON."""

import json
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torchvision import transforms as v1
from torchvision.transforms import v2

from course.errors import RecipeError
from course.spec import Transform
from course.transforms import build, capture_transforms, describe
from course.transforms.construction import construct
from course.transforms.registry import CLASSES

BILINEAR = v1.InterpolationMode.BILINEAR
FLOAT = {"Normalize", "RandomErasing"}


def with_options(module) -> dict[str, list]:
    """For every class that both generations have: instances with options off their defaults."""
    m = module
    return {
        "Compose": [m.RandomChoice([m.Compose([m.RandomInvert(), m.RandomVerticalFlip()]), m.RandomInvert()])],
        "RandomApply": [m.RandomApply([m.RandomRotation(5), m.ColorJitter(0.2)], p=0.3)],
        "RandomChoice": [
            m.RandomChoice([m.RandomRotation(5), m.RandomInvert()]),
            m.RandomChoice([m.RandomRotation(5), m.RandomInvert()], p=[0.25, 0.75]),
        ],
        "RandomOrder": [m.RandomOrder([m.RandomRotation(5), m.RandomInvert(p=1)])],
        "Grayscale": [m.Grayscale()],
        "Normalize": [m.Normalize((0.1307,), (0.3081,)), m.Normalize([0.5], [0.5], inplace=True)],
        "Resize": [m.Resize(28), m.Resize((28, 28), interpolation=BILINEAR, antialias=False)],
        "CenterCrop": [m.CenterCrop(28), m.CenterCrop((28, 28))],
        "Pad": [m.Compose([m.Pad((2, 1), fill=3, padding_mode="constant"), m.CenterCrop(28)])],
        "RandomCrop": [
            m.RandomCrop(28, padding=2),
            m.RandomCrop((28, 28), padding=(1, 2, 3, 4), fill=9, padding_mode="constant"),
            m.Compose([m.CenterCrop(20), m.RandomCrop(28, pad_if_needed=True, padding_mode="reflect")]),
        ],
        "RandomResizedCrop": [m.RandomResizedCrop(28, scale=(0.8, 1.0), ratio=(0.9, 1.1))],
        "RandomHorizontalFlip": [m.RandomHorizontalFlip(0.3)],
        "RandomVerticalFlip": [m.RandomVerticalFlip(0.3)],
        "RandomRotation": [
            m.RandomRotation(7),
            m.RandomRotation((-3, 9), interpolation=BILINEAR, center=(10, 12), fill=5),
            m.Compose([m.RandomRotation(20, expand=True), m.Resize((28, 28))]),
        ],
        "RandomAffine": [
            m.RandomAffine(0, translate=(0.1, 0.1)),
            m.RandomAffine((-5, 5), scale=(0.9, 1.1), shear=4, fill=1, center=(3, 4)),
            m.RandomAffine(5, shear=(-4, 4, -2, 2), interpolation=BILINEAR),
        ],
        "RandomPerspective": [m.RandomPerspective(0.2, p=0.7)],
        "ElasticTransform": [m.ElasticTransform(alpha=30.0, sigma=4.0), m.ElasticTransform(alpha=[30.0, 20.0])],
        "ColorJitter": [m.ColorJitter(0.2, (0.5, 1.5)), m.ColorJitter(saturation=0.1, hue=0.1), m.ColorJitter()],
        "RandomGrayscale": [m.RandomGrayscale(0.2)],
        "RandomInvert": [m.RandomInvert(0.2)],
        "RandomPosterize": [m.RandomPosterize(4, p=0.2)],
        "RandomSolarize": [m.RandomSolarize(128, p=0.2)],
        "RandomAdjustSharpness": [m.RandomAdjustSharpness(2, p=0.2)],
        "RandomAutocontrast": [m.RandomAutocontrast(0.2)],
        "RandomEqualize": [m.RandomEqualize(0.2)],
        "GaussianBlur": [m.GaussianBlur(3), m.GaussianBlur((5, 3), sigma=(0.1, 1.0))],
        "RandomErasing": [
            m.RandomErasing(0.4),
            m.RandomErasing(scale=(0.1, 0.2), ratio=(0.5, 2.0), value=0.5),
            m.RandomErasing(value="random"),
        ],
        "AutoAugment": [m.AutoAugment(v1.AutoAugmentPolicy.SVHN, fill=2)],
        "RandAugment": [m.RandAugment(3, 7, interpolation=BILINEAR)],
        "TrivialAugmentWide": [m.TrivialAugmentWide(num_magnitude_bins=20)],
        "AugMix": [m.AugMix(severity=2, mixture_width=2, all_ops=False)],
    }


ONLY_V2 = {
    "ToPureTensor": [v2.Compose([v2.ToImage(), v2.ToPureTensor(), v2.ToDtype(torch.float32, scale=True)])],
    "Identity": [v2.Identity()],
    "RandomZoomOut": [v2.Compose([v2.RandomZoomOut(side_range=(1.0, 1.5)), v2.Resize((28, 28))])],
    "GaussianNoise": [v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.GaussianNoise(sigma=0.2)])],
}


def deprecated_to_tensor():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return v2.ToTensor()


ENDINGS = [
    [v1.ToTensor()],
    [v1.PILToTensor(), v1.ConvertImageDtype(torch.float32)],
    [v1.ToTensor(), v1.ToPILImage(), v1.ToTensor()],
    [deprecated_to_tensor()],
    [v2.ToImage(), v2.ToDtype(torch.float32, scale=True)],
    [v2.PILToTensor(), v2.ConvertImageDtype(torch.float32)],
    [v2.ToImage(), v2.ToPILImage(mode="L"), v2.ToImage(), v2.ToDtype(torch.float32)],
]

PIPELINES = [
    *(pytest.param(ending, id=f"ending{i}") for i, ending in enumerate(ENDINGS)),
    *(
        pytest.param([v1.ToTensor(), t] if name in FLOAT else [t, v1.ToTensor()], id=f"{generation}-{name}-{i}")
        for generation, module in (("v1", v1), ("v2", v2))
        for name, transforms in with_options(module).items()
        for i, t in enumerate(transforms)
    ),
    *(
        pytest.param([t] if t is ONLY_V2["ToPureTensor"][0] or name == "GaussianNoise" else [t, v1.ToTensor()], id=name)
        for name, (t,) in ONLY_V2.items()
    ),
]


def images(count: int = 4) -> torch.Tensor:
    return torch.randint(0, 256, (count, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def through_json(specs):
    return tuple(Transform.model_validate_json(json.dumps(json.loads(s.model_dump_json()))) for s in specs)


def test_every_allowed_class_is_in_the_round_trip_below():
    captured = set()
    for parameter in PIPELINES:
        pending = list(capture_transforms(parameter.values[0]))
        while pending:
            spec = pending.pop()
            captured.add((spec.name, spec.v2))
            pending += spec.children
    assert captured == set(CLASSES)


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_every_augmentation_family_survives_json_and_gives_the_same_images(pipeline):
    specs = capture_transforms(pipeline)
    again = through_json(specs)
    assert again == specs
    first = build(specs, "cpu")(images(), torch.Generator().manual_seed(3))
    second = build(again, "cpu")(images(), torch.Generator().manual_seed(3))
    assert first.shape == (4, 1, 28, 28)
    assert first.dtype == torch.float32
    assert type(first) is torch.Tensor
    assert torch.equal(first, second)
    assert describe(specs)


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_a_rebuilt_transform_is_captured_as_the_same_data(pipeline):
    specs = capture_transforms(pipeline)
    assert capture_transforms([construct(spec) for spec in specs]) == specs


def test_a_nested_compose_a_list_and_a_sequential_are_flattened():
    flat = capture_transforms([v1.RandomInvert(), v1.ToTensor(), v1.Normalize(0.1, 0.3)])
    nested = v1.Compose([v1.Compose([v1.RandomInvert()]), [v1.ToTensor(), nn.Sequential(v1.Normalize(0.1, 0.3))]])
    assert capture_transforms(nested) == flat
    assert [spec.name for spec in flat] == ["RandomInvert", "ToTensor", "Normalize"]


def test_a_single_transform_is_a_pipeline():
    assert [spec.name for spec in capture_transforms(v1.ToTensor())] == ["ToTensor"]


def test_random_apply_of_a_module_list_holds_its_children():
    (spec,) = capture_transforms(v1.RandomApply(nn.ModuleList([v1.RandomRotation(5), v1.RandomInvert()]), p=0.2))
    assert [child.name for child in spec.children] == ["RandomRotation", "RandomInvert"]
    assert spec.options == {"p": 0.2}


def test_enums_dtypes_tensors_and_numpy_numbers_become_words_and_numbers():
    rotation, dtype, normalize = capture_transforms(
        [
            v1.RandomRotation(np.float64(5), interpolation=BILINEAR),
            v1.ConvertImageDtype(torch.float32),
            v1.Normalize(torch.tensor([0.5]), np.array([0.25])),
        ]
    )
    assert rotation.options["interpolation"] == "bilinear"
    assert rotation.options["degrees"] == (-5.0, 5.0)
    assert dtype.options == {"dtype": "float32"}
    assert normalize.options["mean"] == (0.5,)
    assert normalize.options["std"] == (0.25,)


def test_pil_integers_for_interpolation_are_understood():
    (spec,) = capture_transforms(v2.RandomRotation(5, interpolation=2))
    assert spec.options["interpolation"] == "bilinear"


class Tilt(v1.RandomRotation):
    pass


def brighten(image):
    return image


class Own:
    def __call__(self, image):
        return image


def replaced():
    transform = v1.RandomRotation(5)
    transform.forward = brighten
    return transform


def endless():
    compose = v1.Compose([])
    compose.transforms.append(compose)
    return compose


@pytest.mark.parametrize(
    ("pipeline", "says"),
    [
        ([v1.Lambda(brighten)], "Lambda runs a Python function"),
        ([v2.Lambda(brighten)], "Lambda runs a Python function"),
        ([v2.MixUp(num_classes=10)], r"MixUp cannot be a transform.* Recipe\(label_smoothing=0.1\) softens the labels"),
        ([v2.CutMix(num_classes=10)], "CutMix cannot be a transform, which is given one image without its label"),
        ([brighten], "'brighten' is Python code of your own"),
        ([Own()], "'Own' is Python code of your own"),
        ([Tilt(5)], "Tilt is a subclass of RandomRotation"),
        ([v1.ToTensor], r"Write ToTensor\(...\)"),
        ([replaced()], "forward method replaced"),
        (v1.FiveCrop(20), "FiveCrop cannot be part of a recipe"),
        (v1.TenCrop(20), "TenCrop cannot be part of a recipe. Allowed are AugMix, AutoAugment"),
        (v1.RandomApply([v1.Lambda(brighten)]), "Lambda"),
        (v1.RandomApply(v1.ToTensor()), "takes a list of transforms"),
        (v1.Compose(None), "takes a list of transforms"),
        (endless(), "nested more than"),
        (v1.CenterCrop(1000), r"CenterCrop\(size=.*an integer from 1 to 64"),
        (v1.RandomHorizontalFlip(p=1.5), "p must be a number from 0 to 1"),
        (v1.Normalize((float("nan"),), (1.0,)), "mean must be a number"),
        (v1.Normalize((0.0,), (0.0,)), "std must be"),
        (v1.GaussianBlur(101), "odd integer from 1 to 31"),
        (v1.ConvertImageDtype(torch.float16), "dtype must be float32 or uint8"),
        (v2.Pad(2, fill={"others": 0}), "type dict"),
        (v1.RandAugment(magnitude=40), "not below num_magnitude_bins=31"),
        ([v1.RandomInvert()] * 100, "100 transforms, and 64 are allowed"),
        ([v1.Pad(10)] * 5, "make the image larger"),
        (v1.RandomChoice([v1.RandomInvert(), v1.ToTensor()], p=[1.0]), "one weight for each"),
    ],
)
def test_what_is_more_than_a_class_and_its_options_is_refused_in_whole_sentences(pipeline, says):
    with pytest.raises(RecipeError, match=says) as caught:
        capture_transforms(pipeline)
    assert str(caught.value).endswith(".")
