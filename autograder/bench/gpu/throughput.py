"""Seconds of an epoch for each way a step can run, alone and several at once; beside them the published loop.

`python -m autograder.bench.gpu.throughput` is one of several processes that train at once: it reads a line of JSON
(spec, way, device, images, steps), gets ready, and trains on each further line.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import torch

from autograder.bench.gpu.setting import SEED, Setting
from autograder.bench.gpu.stages import Results, Task
from autograder.bench.loops import published
from autograder.bench.record import summarize
from course import data
from course.errors import GraderError
from course.spec import Spec
from course.training.data import TrainingData
from course.training.device_step import WARM_UP
from course.training.devices import deterministic
from course.training.loop import Run, Way

EPOCH = 469  # steps with batch size 128
WAYS: tuple[Way, ...] = ("by host", "on device", "recorded")


def fast(setting: Setting) -> list[Task]:
    """On a CPU, nothing is recorded or compiled; the other ways run there too."""
    on_cuda = setting.device.type == "cuda"
    ways = WAYS if on_cuda else WAYS[:2]
    models = setting.models() if on_cuda else dict(list(setting.models().items())[-1:])
    challenge, best = setting.models()["challenge"], ways[-1]
    tasks: list[Task] = [
        (f"{name}, {way}", partial(time_alone, setting, path, way)) for name, path in models.items() for way in ways
    ]
    tasks += [(f"{name}, published loop", partial(time_published, setting, path)) for name, path in models.items()]
    for count in setting.size.at_once:
        tasks.append((f"challenge, {count} processes", partial(time_processes, setting, challenge, best, count)))
        tasks.append((f"challenge, {count} streams", partial(time_streams, setting, challenge, best, count)))
    tasks.append(("challenge, channels last", partial(time_alone, setting, challenge, best, channels_last=True)))
    if on_cuda:
        tasks.append(("challenge, compiled", partial(time_compiled, setting, challenge)))
    return tasks


class TimedRun:
    """A run whose libraries are initialised, and whose step is recorded where its way asks for it."""

    def __init__(
        self, spec: Spec, digits: TrainingData, device: torch.device, way: Way, *, channels_last: bool = False
    ):
        self.run = Run(spec, digits, SEED, device, way=way)
        if channels_last:
            for tensor in self.run.network.tensors:
                if tensor.dim() == 4:
                    tensor.data = tensor.data.contiguous(memory_format=torch.channels_last)
        self._order = self.run._shuffled()
        self._batches = self._order.split(spec.batch_size)
        self.train(min(WARM_UP + 2, len(self._batches)))

    def train(self, steps: int) -> None:
        """The first steps of an epoch, again from its begin when it is at its end. Returns before they are computed."""
        run = self.run
        for number in range(steps):
            place = number % max(1, len(self._batches) - 1)  # all batches but the last one are of one size
            if run.device_step is None:
                run.schedule.before_step(0, place)
                run.train_step(self._batches[place], run._draws)
                continue
            if place == 0:
                run.device_step.begin_epoch(self._order, 0)
            run.device_step(len(self._batches[place]))


def seconds_of_epoch(setting: Setting, train: Callable[[int], None]) -> Results:
    """Of `train(steps)`, projected to an epoch; a round has as many steps as an epoch on a GPU."""
    steps = EPOCH if setting.device.type == "cuda" else setting.size.steps
    times = []
    for _ in range(setting.size.rounds):
        setting.synchronize()
        start = time.perf_counter()
        train(steps)
        setting.synchronize()
        times.append((time.perf_counter() - start) * EPOCH / steps)
    return {"seconds of an epoch": summarize(times)}


def time_alone(setting: Setting, path: Path, way: Way, *, channels_last: bool = False) -> Results:
    """`evaluation` is of the 10,000 test images, projected."""
    if setting.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    with deterministic(setting.device):
        timed = TimedRun(setting.spec(path), setting.digits, setting.device, way, channels_last=channels_last)
        results = seconds_of_epoch(setting, timed.train)
        start = time.perf_counter()
        timed.run.test_outputs()
        results["evaluation"] = (time.perf_counter() - start) * 10_000 / len(setting.digits.test_images)
    if setting.device.type == "cuda":
        results["megabytes"] = torch.cuda.max_memory_allocated() / 1e6
    return results | {"slow because": timed.run.slow_because}


def time_published(setting: Setting, path: Path) -> Results:
    """With its DataLoader, which reads and transforms images one by one in the same process."""
    steps = 40 if setting.device.type == "cuda" else setting.size.steps
    with published(setting.recipe(path), setting.device) as one_round:
        one_round(2, 100, 1)
        times = [one_round(steps, 100, 1)["training"] * EPOCH / steps for _ in range(setting.size.rounds)]
    return {"seconds of an epoch": summarize(times)}


def time_compiled(setting: Setting, path: Path) -> Results:
    """`torch.compile` of forward and backward, with the seconds until its first step."""
    with deterministic(setting.device):
        timed = TimedRun(setting.spec(path), setting.digits, setting.device, "by host")
        run, start = timed.run, time.perf_counter()
        vars(run)["_forward_backward"] = torch.compile(run._forward_backward)
        timed.train(1)
        setting.synchronize()
        compiling = time.perf_counter() - start
        return seconds_of_epoch(setting, timed.train) | {"seconds to compile": compiling}


def time_streams(setting: Setting, path: Path, way: Way, count: int) -> Results:
    """Runs in threads of this process, each on a stream of its own; seconds until each has had an epoch."""
    on_cuda = setting.device.type == "cuda"
    with deterministic(setting.device):
        streams = [torch.cuda.Stream() if on_cuda else None for _ in range(count)]
        runs = []
        for stream in streams:  # one after the other: a recording must not meet another one
            with torch.cuda.stream(stream) if stream else nullcontext():
                runs.append(TimedRun(setting.spec(path), setting.digits, setting.device, way))

        def train(steps: int, index: int) -> None:
            stream = streams[index]
            with torch.cuda.stream(stream) if stream else nullcontext():
                runs[index].train(steps)

        with ThreadPoolExecutor(count) as pool:

            def train_all(steps: int) -> None:
                list(pool.map(partial(train, steps), range(count)))

            return seconds_of_epoch(setting, train_all)


def time_processes(setting: Setting, path: Path, way: Way, count: int) -> Results:
    """Runs in processes of their own; seconds until each has had an epoch."""
    on_cuda = setting.device.type == "cuda"
    free = torch.cuda.mem_get_info()[0] if on_cuda else 0
    steps = EPOCH if on_cuda else setting.size.steps
    request = {
        "spec": setting.spec(path).to_json(),
        "way": way,
        "device": setting.device.type,
        "images": setting.size.images,
        "steps": steps,
    }
    with ExitStack() as stack:
        trainers = [stack.enter_context(TrainerProcess(request)) for _ in range(count)]
        for trainer in trainers:
            trainer.answer()
        used = (free - torch.cuda.mem_get_info()[0]) / count / 1e6 if on_cuda else None
        times = [seconds_of_round(trainers) * EPOCH / steps for _ in range(setting.size.rounds)]
    return {"seconds of an epoch": summarize(times), "megabytes of the device for each": used}


def seconds_of_round(trainers: Sequence[TrainerProcess]) -> float:
    start = time.perf_counter()
    for trainer in trainers:
        trainer.ask({})
    for trainer in trainers:
        trainer.answer()
    return time.perf_counter() - start


class TrainerProcess:
    """A process of this module; a context manager, at whose end it is gone."""

    def __init__(self, request: dict[str, Any]):
        self._process = subprocess.Popen(
            [sys.executable, "-m", "autograder.bench.gpu.throughput"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.ask(request)

    def __enter__(self) -> TrainerProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def ask(self, request: dict[str, Any]) -> None:
        assert self._process.stdin is not None  # it is a pipe
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()

    def answer(self) -> None:
        """Wait until it is done. Raises GraderError if it has ended."""
        assert self._process.stdout is not None  # it is a pipe
        if self._process.stdout.readline() != "done\n":
            raise GraderError(f"A process that trained ended with exit code {self._process.wait()}; stderr says why.")


def main() -> None:
    request = json.loads(sys.stdin.readline())
    device, mnist = torch.device(request["device"]), data.load()
    digits = TrainingData(mnist.train.images, mnist.train.labels, mnist.test.images).subset(*request["images"])
    with deterministic(device):
        timed = TimedRun(Spec.from_json(request["spec"]), digits, device, request["way"])
        print("done", flush=True)
        for _ in sys.stdin:
            timed.train(request["steps"])
            if device.type == "cuda":
                torch.cuda.synchronize()
            print("done", flush=True)


if __name__ == "__main__":
    main()
