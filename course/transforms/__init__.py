"""The recipe's transforms: torchvision pipelines as plain data, and plain data as fast pipelines.

    specs = capture_transforms(transforms.Compose([RandomRotation(7), ToTensor(), Normalize(0.1307, 0.3081)]))
    describe(specs)                          # 'RandomRotation(±7°), ToTensor, Normalize(0.1307, 0.3081)'
    pipeline = build(specs, "cpu")
    pipeline(images, generator)              # uint8 (N, 28, 28) -> float32 (N, 1, 28, 28)

`capture` reads specs off a torchvision pipeline. `registry` lists the allowed classes and `option_types` the values
of their options; `construction` checks specs against both and makes torchvision's objects. `batched` and `geometry`
compute the usual transforms for a whole batch with numbers from `random_draws`, and `pipeline` joins them.
"""

from course.transforms.capture import capture_transforms
from course.transforms.description import describe, is_random
from course.transforms.pipeline import Pipeline, build

__all__ = ["Pipeline", "build", "capture_transforms", "describe", "is_random"]
