"""Images on which a network is tried out: drawn like digits, and as the recipe's own test transform makes them.

They are strokes and not MNIST, so that the inspection needs no data: the sandboxed process in which the grader inspects
has none, and a notebook comes to the same verdict. Grey levels, borders and the share of ink are those of MNIST.
The drawing depends on the spec, so a recipe cannot be written for the images that it will be tried on.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course import transforms
from course.spec import Spec

_STROKES, _POINTS = 2, 12  # of a drawing, and along a stroke
_RADIUS = 1.9  # of the pen, in pixels; one pixel in seven is not black, in MNIST one in five


def digits(spec: Spec, count: int) -> Tensor:
    """Drawings after the test transform, float32 (count, 1, 28, 28). Raises RecipeError if it cannot be used."""
    return _transformed(spec, draw_digits(count, _generator(spec)))


def unusual_images(spec: Spec, count: int) -> Tensor:
    """Drawings, their negatives, blank and white images, one pixel, noise and an image twice, after the test transform.

    In random order, float32 (count, 1, 28, 28); noise without the transform is among them.
    """
    generator = _generator(spec)
    drawings = draw_digits(max(count - 16, 8), generator)
    noise = torch.randint(0, 256, (4, 28, 28), generator=generator, dtype=torch.uint8)
    pixel = torch.zeros(1, 28, 28, dtype=torch.uint8)
    pixel[0, 14, 14] = 255
    flat = torch.tensor([0, 0, 255, 128], dtype=torch.uint8)[:, None, None].expand(4, 28, 28)
    images = _transformed(spec, torch.cat([drawings[:1], flat, pixel, noise, 255 - drawings[:3], drawings]))
    raw_noise = 2 * torch.randn(3, 1, 28, 28, generator=generator)
    return torch.cat([raw_noise, images])[:count][torch.randperm(count, generator=generator)]


def draw_digits(count: int, generator: torch.Generator) -> Tensor:
    """Images like MNIST's: one or two curved strokes in the middle, white on black, uint8 (count, 28, 28)."""
    ends = 4.5 + 19 * torch.rand(count, _STROKES, 3, 2, generator=generator)  # start, bend and end, in pixels
    along = torch.linspace(0, 1, _POINTS)[:, None]
    start, bend, end = (ends[:, :, i, None] for i in range(3))
    points = ((1 - along) ** 2 * start + 2 * along * (1 - along) * bend + along**2 * end).flatten(1, 2)
    if count > 1:  # some digits have a single stroke
        points[::2] = points[::2, :_POINTS].repeat(1, _STROKES, 1)
    squares = (torch.arange(28.0) + 0.5 - points[..., None]) ** 2  # of distances down and across
    nearest = torch.full((count, 28, 28), float("inf"))
    for square in squares.unbind(1):  # ten times as fast as torch.cdist
        nearest = torch.minimum(nearest, square[:, 0, :, None] + square[:, 1, None, :])
    ink = (255 * ((_RADIUS - nearest.sqrt()) / 1.2 + 0.5).clamp(0, 1)).round()
    return ink.to(torch.uint8)


def _generator(spec: Spec) -> torch.Generator:
    return torch.Generator().manual_seed(int(spec.hash[:15], 16))


def _transformed(spec: Spec, images: Tensor) -> Tensor:
    pipeline = transforms.build(spec.test_transform, "cpu")
    return pipeline(images, torch.Generator().manual_seed(0))
