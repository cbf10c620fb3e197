"""The recipe's transforms: torchvision pipelines as plain data, and plain data as fast pipelines.

    specs = capture_transforms(transforms.Compose([RandomRotation(7), ToTensor(), Normalize(0.1307, 0.3081)]))
    describe(specs)                          # 'RandomRotation(±7°), ToTensor, Normalize(0.1307, 0.3081)'
    pipeline = build(specs, "cpu")
    pipeline(images, generator)              # uint8 (N, 28, 28) -> float32 (N, 1, 28, 28)

`table` says which classes and options exist, `capture` reads them off a torchvision pipeline, `batched` computes
the usual ones for a whole batch, and `pipeline` puts a run's pipeline together.
"""

from course.transforms.capture import capture_transforms
from course.transforms.description import describe, is_random
from course.transforms.pipeline import Pipeline, build

__all__ = ["Pipeline", "build", "capture_transforms", "describe", "is_random"]
