"""Two ways to train one recipe, each in a process of its own: `python -m autograder.bench.loops LOOP FILE`.

`published` is the loop that the published models were trained with: `datasets.MNIST`, PIL transforms in a
`DataLoader`, a progress bar that reads the loss at every step, PyTorch's default number of threads. `ours` is
`course.training.loop`.

A process builds everything and writes `ready`. For each line `STEPS IMAGES THREADS` on its stdin it then trains that
many steps, evaluates that many test images, and answers with the seconds of both as JSON. With `kernels` as LOOP it
prints `kernel_shares` instead, and ends.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from pathlib import Path
from typing import NotRequired, TypedDict

import torch
from torch.utils.data import DataLoader, Subset
from torchvision import datasets
from tqdm import tqdm

from autograder.bench.step_profile import StepTimer, kernel_shares
from autograder.grading.read_submission import read_recipe_source
from course import data
from course.capture import capture, run_recipe
from course.kernels.instructions import using_threads
from course.recipe import Recipe, default_transform
from course.training.data import TrainingData
from course.training.devices import deterministic
from course.training.loop import Run
from course.training.scoring import LOSSES

SEED, CPU = 1, torch.device("cpu")
WARM_UP = (5, 100, 1)  # steps, images, threads: compiles, and fills caches


class Times(TypedDict):
    """Seconds of one round. `shares` are of the training: part of a step -> its fraction of the time."""

    training: float
    evaluation: float
    shares: NotRequired[dict[str, float]]


Round = Callable[[int, int, int], Times]  # training steps, test images, threads of ours -> their times


@contextmanager
def published(recipe: Recipe, device: torch.device = CPU) -> Iterator[Round]:
    """The published loop; its model and data are built once."""
    with _torchvision_mnist() as folder:
        train_set = datasets.MNIST(folder, train=True, transform=recipe.train_transform or default_transform())
        test_set = datasets.MNIST(folder, train=False, transform=recipe.test_transform or default_transform())
        torch.manual_seed(SEED)
        loader = DataLoader(train_set, batch_size=recipe.batch_size, shuffle=True)
        model, compute_loss = recipe.model().to(device), LOSSES[recipe.loss]
        optimizer = recipe.optimizer(model.named_parameters())

        def train(steps: int) -> None:
            correct, processed = 0, 0
            model.train()
            bar = tqdm(islice(loader, steps), total=steps)
            for index, (images, labels) in enumerate(bar):
                images, labels = images.to(device), labels.to(device)
                optimizer.zero_grad()
                outputs = model(images)
                loss = compute_loss(outputs, labels)
                loss.backward()
                optimizer.step()
                predicted = outputs.argmax(dim=1, keepdim=True)
                correct += predicted.eq(labels.view_as(predicted)).sum().item()
                processed += len(images)
                bar.set_description(f"Loss={loss.item()} Batch_id={index} Accuracy={100 * correct / processed:0.2f}")

        def evaluate(count: int) -> None:
            model.eval()
            with torch.no_grad():
                for images, labels in DataLoader(Subset(test_set, range(count)), batch_size=recipe.batch_size):
                    images, labels = images.to(device), labels.to(device)
                    outputs = model(images)
                    compute_loss(outputs, labels).item()
                    outputs.argmax(dim=1, keepdim=True).eq(labels.view(-1, 1)).sum().item()

        def one_round(steps: int, images: int, _: int) -> Times:
            return {"training": _seconds(lambda: train(steps)), "evaluation": _seconds(lambda: evaluate(images))}

        yield one_round


@contextmanager
def ours(recipe: Recipe) -> Iterator[Round]:
    """`course.training.loop`, with the parts of a step timed."""
    with _run(recipe) as run:
        timer = StepTimer(run)

        def train(steps: int) -> None:
            draws = torch.Generator().manual_seed(SEED)
            batches = torch.randperm(run.train_size).split(run.spec.batch_size)
            for step, batch in enumerate(batches[:steps]):
                run.schedule.before_step(0, step)
                run.train_step(batch, draws)

        def one_round(steps: int, images: int, threads: int) -> Times:
            timer.clear()
            with using_threads(threads):
                training = _seconds(lambda: train(steps))
                shares = timer.shares(training)
                evaluation = _seconds(lambda: run.outputs(run.test_images[:images]))
            return {"training": training, "evaluation": evaluation, "shares": shares}

        yield one_round


@contextmanager
def _torchvision_mnist() -> Iterator[str]:
    """A folder in which `datasets.MNIST` finds the course's copy."""
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "MNIST" / "raw"
        raw.mkdir(parents=True)
        for name in data.FILES:
            (raw / name).symlink_to(data.ensure() / name)
        yield folder


@contextmanager
def _run(recipe: Recipe) -> Iterator[Run]:
    """A run of the recipe on the CPU, under the settings with which the grader trains."""
    mnist, device = data.load(), torch.device("cpu")
    images = TrainingData(mnist.train.images, mnist.train.labels, mnist.test.images)
    with deterministic(device):
        yield Run(capture(recipe), images, SEED, device)


def _seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


LOOPS: dict[str, Callable[[Recipe], AbstractContextManager[Round]]] = {"published": published, "ours": ours}


def main() -> None:
    loop, file = sys.argv[1:]
    recipe = run_recipe(read_recipe_source(Path(file)))
    if loop == "kernels":
        with _run(recipe) as run:
            print(json.dumps(kernel_shares(run, repetitions=20)))
        return
    with LOOPS[loop](recipe) as one_round:
        one_round(*WARM_UP)
        print("ready", flush=True)
        for line in sys.stdin:
            print(json.dumps(one_round(*map(int, line.split()))), flush=True)


if __name__ == "__main__":
    main()
