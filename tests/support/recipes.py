"""A small recipe for the tests of the grader, and how to grade it quickly."""

from autograder.grading.options import Options, ReducedRun
from course import Recipe

TINY = """
from functools import partial
import torch.nn as nn
import torch.nn.functional as F
from torch.optim import SGD
from torchvision.transforms import Compose, Normalize, RandomRotation, ToTensor
from course import Recipe

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 5, stride=3)
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.1)
        self.head = nn.Linear(4, 10)

    def forward(self, x):
        x = F.relu(self.norm(self.conv(x)))
        x = self.drop(F.adaptive_avg_pool2d(x, 1)).flatten(1)
        return F.log_softmax(self.head(x), dim=1)

recipe = Recipe(
    model=Net,
    train_transform=Compose([RandomRotation(5), ToTensor(), Normalize((0.1307,), (0.3081,))]),
    optimizer=partial(SGD, lr=0.1, momentum=0.9),
    epochs=3,
)
"""
TINY_COUNT = 4 * 25 + 4 + 8 + 4 * 10 + 10
REDUCED = Options(reduced=ReducedRun(epochs=3, train_images=1000, test_images=500), seeds=1, device="cpu")


def recipe_of(source: str) -> Recipe:
    """What running the source binds to `recipe`."""
    namespace: dict[str, object] = {"__name__": "recipe"}
    exec(source, namespace)
    recipe = namespace["recipe"]
    assert isinstance(recipe, Recipe)
    return recipe
