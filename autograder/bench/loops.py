"""Two ways to train one recipe, each in a process of its own: `python -m autograder.bench.loops LOOP FILE`.

`published` is the loop that the published models were trained with: `datasets.MNIST`, PIL transforms in a
`DataLoader`, a bar whose text asks for the loss at every step, PyTorch's own number of threads. `ours` is
`course.training.loop` on one thread. A process builds everything, says that it is ready, and then does a part of the
work for each line on its stdin (`STEPS IMAGES`: so many steps of training, so many test images) and answers with the
seconds of both.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import torch
from torch.utils.data import DataLoader, Subset
from torchvision import datasets
from tqdm import tqdm

from autograder.bench.shares import Shares, operators
from autograder.grading.submission import read_recipe_source
from course import data
from course.capture import capture, run_recipe
from course.recipe import Recipe, default_transform
from course.training.data import TrainingData
from course.training.devices import deterministic
from course.training.loop import Run
from course.training.scoring import LOSSES

SEED = 1
Part = Callable[[int, int], dict]


def published(recipe: Recipe) -> Iterator[Part]:
    """The published loop, its model and data made once."""
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "MNIST" / "raw"
        raw.mkdir(parents=True)
        for name in data.FILES:
            (raw / name).symlink_to(data.ensure() / name)
        torch.manual_seed(SEED)
        train_set = datasets.MNIST(folder, train=True, transform=recipe.train_transform or default_transform())
        test_set = datasets.MNIST(folder, train=False, transform=recipe.test_transform or default_transform())
        loader = DataLoader(train_set, batch_size=recipe.batch_size, shuffle=True)
        model, loss_of = recipe.model(), LOSSES[recipe.loss]
        optimizer = recipe.optimizer(model.named_parameters())

        def part(steps: int, images: int) -> dict:
            correct, processed = 0, 0
            model.train()
            began = time.perf_counter()
            bar = tqdm(islice(loader, steps), total=steps)
            for index, (pictures, labels) in enumerate(bar):
                optimizer.zero_grad()
                outputs = model(pictures)
                loss = loss_of(outputs, labels)
                loss.backward()
                optimizer.step()
                right = outputs.argmax(dim=1, keepdim=True)
                correct += right.eq(labels.view_as(right)).sum().item()
                processed += len(pictures)
                bar.set_description(f"Loss={loss.item()} Batch_id={index} Accuracy={100 * correct / processed:0.2f}")
            trained = time.perf_counter() - began
            model.eval()
            began = time.perf_counter()
            with torch.no_grad():
                for pictures, labels in DataLoader(Subset(test_set, range(images)), batch_size=recipe.batch_size):
                    outputs = model(pictures)
                    loss_of(outputs, labels).item()
                    outputs.argmax(dim=1, keepdim=True).eq(labels.view(-1, 1)).sum().item()
            return {"training": trained, "evaluation": time.perf_counter() - began}

        yield part


def ours(recipe: Recipe) -> Iterator[Part]:
    """`course.training.loop` on one thread, as the grader runs it; and the share of each kind of work in a step."""
    with running(recipe) as run:
        shares = Shares(run)

        def part(steps: int, images: int) -> dict:
            draws = torch.Generator().manual_seed(SEED)
            batches = torch.randperm(run.train_size).split(run.spec.batch_size)
            shares.clear()
            began = time.perf_counter()
            for step, batch in enumerate(batches[:steps]):
                run.schedule.before_step(0, step)
                run.train_step(batch, draws)
            trained = time.perf_counter() - began
            told = shares.of(trained)
            began = time.perf_counter()
            run.outputs(run.test_images[:images])
            return {"training": trained, "evaluation": time.perf_counter() - began, "shares": told}

        yield part


@contextmanager
def running(recipe: Recipe) -> Iterator[Run]:
    """A run of the recipe on the CPU, under the settings in which it trains."""
    mnist, device = data.load(), torch.device("cpu")
    images = TrainingData(mnist.train.images, mnist.train.labels, mnist.test.images)
    with deterministic(device, 1):
        yield Run(capture(recipe), images, SEED, device)


LOOPS = {"published": published, "ours": ours}


def main() -> None:
    loop, file = sys.argv[1:]
    recipe = run_recipe(read_recipe_source(Path(file)).source)
    if loop == "operators":
        with running(recipe) as run:
            print(json.dumps(operators(run, steps=20)))
        return
    for part in LOOPS[loop](recipe):
        part(5, 100)  # compiles, and fills caches
        print("ready", flush=True)
        for line in sys.stdin:
            print(json.dumps(part(*map(int, line.split()))), flush=True)


if __name__ == "__main__":
    main()
