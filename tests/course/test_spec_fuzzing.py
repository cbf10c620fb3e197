"""The spec's reader meets mutated and random JSON: it accepts what trains, or refuses with a reason, and nothing else.

`FUZZ_EXAMPLES=20000 pytest tests/course/test_spec_fuzzing.py -s` runs it for long and prints what came of them.
"""

import collections
import contextlib
import copy
import functools
import json
import os
import random
import signal
from functools import partial

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.optim import SGD, Adam
from torch.optim.lr_scheduler import OneCycleLR, ReduceLROnPlateau
from torchvision.transforms import Compose, Normalize, RandomAffine, RandomApply, RandomErasing, ToTensor

from course.capture import capture
from course.errors import Diverged, OutputsNotFinite, RecipeError
from course.inspection.checks import inspect
from course.recipe import Recipe
from course.spec import Spec
from course.training.data import TrainingData
from course.training.loop import train
from course.training.scoring import Scorer

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "150"))
SECONDS = 60  # for one example; a hang is a failure
OUTCOMES: collections.Counter = collections.Counter()


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 4, 5, stride=3), nn.BatchNorm2d(4)
        self.drop, self.head = nn.Dropout(0.1), nn.Linear(4, 10)
        self.scale = nn.Parameter(torch.ones(1, 4, 1, 1))

    def forward(self, x):
        x = torch.relu(self.norm(self.conv(x))) * self.scale
        x = self.drop(x.mean((2, 3))).view(x.size(0), -1)
        return torch.log_softmax(self.head(x), 1)


@functools.cache
def valid() -> list[dict]:
    """Specs that are in order, as plain data."""
    augmented = Compose(
        [
            RandomApply([RandomAffine(8, translate=(0.1, 0.1), shear=3)], 0.5),
            ToTensor(),
            Normalize((0.1307,), (0.3081,)),
            RandomErasing(0.3),
        ]
    )
    recipes = [
        Recipe(model=Small, optimizer=partial(SGD, lr=0.1), train_transform=augmented, epochs=1),
        Recipe(
            model=Small,
            optimizer=partial(Adam, lr=0.01),
            scheduler=partial(OneCycleLR, max_lr=0.1, total_steps=59),
            epochs=1,
            batch_size=1024,
        ),
        Recipe(model=Small, optimizer=partial(SGD, lr=0.1), scheduler=partial(ReduceLROnPlateau, patience=1), epochs=2),
    ]
    return [json.loads(capture(recipe).to_json()) for recipe in recipes]


NASTY = [
    None, True, False, 0, 1, -1, 2, 3, 7, 28, 255, 10**6, 2**31, 2**63 - 1, -(2**63), 2**64, 0.0, -0.0, 0.5, 1e-300,
    1e300,
    "", "x", "__import__", "aten.as_strided.default", "aten.relu.default", "aten.zeros.default", "aten.expand.default",
    "aten.repeat.default",
    "size.mul", "float64", "\u202e", "../../etc/passwd", [], {}, [[]], {"node": 0}, {"node": 10**6},
    {"tensor": 0}, {"input": 0}, {"dtype": "float64"}, [10**6, 10**6], [1] * 50,
]  # fmt: skip


def places(data, path=()):
    """Every path into nested plain data."""
    yield path
    children = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, child in children:
        yield from places(child, (*path, key))


def mutate(data: dict, draw: random.Random) -> dict:
    """Change one to four places: replace, delete, repeat, swap with another place, or rename."""
    data = copy.deepcopy(data)
    for _ in range(draw.randint(1, 4)):
        path = draw.choice([p for p in places(data) if p])
        parent = data
        for key in path[:-1]:
            parent = parent[key]
        key, value = path[-1], parent[path[-1]]
        match draw.choice(("replace", "replace", "delete", "repeat", "swap", "nudge")):
            case "replace":
                parent[key] = copy.deepcopy(draw.choice(NASTY))
            case "delete":
                del parent[key]
            case "repeat" if isinstance(parent, list):
                parent.insert(key, copy.deepcopy(value))
            case "swap":
                other = data
                for step in draw.choice(list(places(data))):
                    other = other[step]
                parent[key] = copy.deepcopy(other)
            case "nudge" if isinstance(value, int | float):
                parent[key] = value + draw.choice((-1, 1, 0.5, 1000))
    return data


@contextlib.contextmanager
def time_limit(seconds: int):
    def ring(*_):
        raise AssertionError(f"still at work after {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


IMAGES = torch.zeros(8, 28, 28, dtype=torch.uint8)
LABELS = torch.arange(8)


def outcome_of(text: str) -> str:
    """Read, inspect and, when nothing is wrong with it, train one epoch on eight images."""
    with time_limit(SECONDS):
        try:
            spec = Spec.from_json(text)
            if (found := inspect(spec)).problems:
                assert all(len(p) > 20 for p in found.problems)
                return "refused by inspection"
            one = spec.model_copy(update={"epochs": 1})
            data = TrainingData(IMAGES, LABELS, IMAGES)
            list(train(one, data, seed=1, device=torch.device("cpu"), score=Scorer(LABELS, spec.loss)))
        except RecipeError as error:
            assert str(error).strip()
            return "refused"
        except (Diverged, OutputsNotFinite):
            return "diverged"
    return "trained"


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(base=st.integers(0, 2), seed=st.integers(0, 2**48))
def test_a_mutated_spec_trains_or_is_refused_with_a_reason(base, seed):
    OUTCOMES[outcome_of(json.dumps(mutate(valid()[base], random.Random(seed))))] += 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=10), inner, max_size=5),
    max_leaves=30,
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(json_values.map(json.dumps) | st.text(max_size=200))
def test_random_json_is_refused_with_a_reason(text):
    assert outcome_of(text) == "refused"


def test_some_mutations_are_harmless_and_some_are_not():
    """The fuzzing reaches both sides: it is not the outermost check that refuses everything."""
    draw = random.Random(0)
    outcomes = collections.Counter(outcome_of(json.dumps(mutate(valid()[0], draw))) for _ in range(60))
    assert outcomes["refused"] and outcomes["trained"]
    print(f"\nfuzzing: {dict(OUTCOMES)}, fixed: {dict(outcomes)}")
