"""One submission, end to end, in its four processes, on real digits (few of them)."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from autograder.grading.options import Options, ReducedRun
from autograder.grading.pipeline import grade, inspect_only, train_once
from autograder.grading.recipe_sandbox import RecipeSandbox
from autograder.sandbox import best_tier
from autograder.workers.client import WorkerPool
from course import data
from course.notebook import fit
from course.training.data import TrainingData
from course.training.loop import train
from course.training.scoring import Scorer
from tests.support.recipes import TINY, TINY_COUNT

REDUCED = Options(reduced=ReducedRun(epochs=3, train_images=1000, test_images=500), seeds=1, device="cpu")


class Silent:
    """A listener that only remembers."""

    def __init__(self):
        self.heard = []

    def __getattr__(self, name):
        return lambda *what: self.heard.append((name, *what))


@pytest.fixture(scope="module")
def recipe_sandbox():
    with RecipeSandbox(best_tier(), warm=True) as opened:
        yield opened


@pytest.fixture
def tiny(tmp_path):
    path = tmp_path / "tiny.py"
    path.write_text(TINY)
    return path


def recipe_of(source: str):
    namespace = {"__name__": "recipe"}
    exec(source, namespace)
    return namespace["recipe"]


def test_a_verdict_comes_with_its_reasons_and_what_it_rests_on(tiny, recipe_sandbox):
    listener = Silent()
    result = grade(tiny, REDUCED, listener, recipe_sandbox)
    assert (result.verdict, result.official, result.counted) == ("fail", False, TINY_COUNT)
    assert "needed: 497 of 500" in result.reasons[0]
    told = result.to_dict()
    assert list(told)[:3] == ["verdict", "reasons", "counted"]
    run = told["runs"][0]
    assert run["device"] == "cpu" and isinstance(run["seed"], int)
    assert [epoch["epoch"] for epoch in run["epochs"]] == [1, 2, 3]
    assert all(0 <= epoch["correct"] <= 500 for epoch in run["epochs"])
    assert [h[0] for h in listener.heard if h[0] == "epoch"] == ["epoch"] * 3


def test_the_grader_and_a_notebook_get_the_same_history_bit_for_bit(tiny, recipe_sandbox, monkeypatch):
    result = grade(tiny, REDUCED, Silent(), recipe_sandbox)
    whole = data.load()
    part = replace(
        whole,
        train=replace(whole.train, images=whole.train.images[:1000], labels=whole.train.labels[:1000]),
        test=replace(whole.test, images=whole.test.images[:500], labels=whole.test.labels[:500]),
    )
    monkeypatch.setattr(data, "load", lambda: part)
    history = fit(recipe_of(TINY), seed=result.runs[0].seed, device="cpu")
    assert [asdict(e) for e in history.epochs] == [asdict(e) for e in result.runs[0].epochs]


def test_the_trained_model_of_a_notebook_gives_the_last_epochs_score(monkeypatch):
    whole = data.load()
    part = replace(
        whole,
        train=replace(whole.train, images=whole.train.images[:1000], labels=whole.train.labels[:1000]),
        test=replace(whole.test, images=whole.test.images[:500], labels=whole.test.labels[:500]),
    )
    monkeypatch.setattr(data, "load", lambda: part)
    history = fit(recipe_of(TINY), seed=3, device="cpu", epochs=2)
    images = (part.test.images.float().div(255).sub(0.1307).div(0.3081)).unsqueeze(1)
    assert Scorer(part.test.labels, "nll")(history.model(images).detach()).correct == history.correct[-1]
    assert len(history.epochs) == 2


def test_nothing_is_trained_while_nbgrader_runs_a_notebook(monkeypatch, capsys):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    assert fit(recipe_of(TINY)).epochs == ()
    assert "the grader trains" in capsys.readouterr().out


def test_too_many_parameters_are_refused_with_the_number_and_the_limit(tmp_path, recipe_sandbox):
    path = tmp_path / "big.py"
    path.write_text(
        TINY.replace("nn.Conv2d(1, 4, 5, stride=3)", "nn.Conv2d(1, 4, 5, stride=3); self.more = nn.Linear(784, 11)")
    )
    result = grade(path, REDUCED, Silent(), recipe_sandbox)
    assert result.verdict == "refused" and result.runs == ()
    assert f"parameters: {TINY_COUNT + 784 * 11 + 11:,} counted, fewer than 8,000 allowed" in result.reasons[0]


def test_a_diverged_run_is_reported_first_and_once_with_epoch_step_and_rate(tmp_path, recipe_sandbox):
    path = tmp_path / "hot.py"
    path.write_text(TINY.replace("lr=0.1", "lr=1e30"))
    result = grade(path, REDUCED, Silent(), recipe_sandbox)
    assert result.verdict == "fail"
    assert result.reasons[0].startswith("Run 1: Training diverged in epoch 1, step ")
    assert "at learning rate 1e+30" in result.reasons[0]
    assert sum("diverged" in reason for reason in result.reasons) == 1


def test_an_error_of_the_students_code_names_the_line(tmp_path, recipe_sandbox):
    path = tmp_path / "broken.py"
    path.write_text("x = 1\ny = x / 0\n")
    result = inspect_only(path, REDUCED, Silent(), recipe_sandbox)
    assert (result.verdict, result.reasons) == ("error", ("Line 2 (y = x / 0): ZeroDivisionError: division by zero",))


def test_a_run_that_would_take_too_long_is_refused_after_a_few_steps(tiny, recipe_sandbox):
    hurried = replace(REDUCED, max_minutes=1e-6, reduced=ReducedRun(epochs=3, train_images=4000, test_images=500))
    result = grade(tiny, hurried, Silent(), recipe_sandbox)
    assert result.verdict == "refused"
    assert "Training would take about" in result.reasons[0] and "as 20 steps show" in result.reasons[0]


def test_warm_workers_give_the_history_of_cold_ones_run_after_run(tiny, recipe_sandbox):
    cold = grade(tiny, REDUCED, Silent(), recipe_sandbox).runs[0].epochs
    with WorkerPool(warm=True) as workers:
        for _ in range(2):
            assert grade(tiny, REDUCED, Silent(), recipe_sandbox, workers=workers).runs[0].epochs == cold


class Stopped(Exception):
    """Stands for whatever ends the supervisor between two epochs."""


class StopsAfter(Silent):
    def __init__(self, epochs: int):
        super().__init__()
        self.left = epochs

    def epoch(self, result):
        self.left -= 1
        if not self.left:
            raise Stopped


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_run_that_was_interrupted_goes_on_with_the_same_history(tiny, recipe_sandbox, epoch):
    spec = recipe_sandbox.capture(tiny.read_text())
    seed, folder = 1000 + epoch, data.ensure()
    whole = train_once(spec, seed, folder, REDUCED, recipe_sandbox.tier, Silent())
    with pytest.raises(Stopped):
        train_once(spec, seed, folder, REDUCED, recipe_sandbox.tier, StopsAfter(epoch))
    listener = Silent()
    resumed = train_once(spec, seed, folder, REDUCED, recipe_sandbox.tier, listener)
    started = next(what[3] for what in listener.heard if what[0] == "run_started")
    assert started.resumed >= epoch
    assert resumed.epochs == whole.epochs


def test_a_grader_that_is_killed_leaves_no_worker_behind(tiny):
    grader = subprocess.Popen(
        [sys.executable, "-m", "autograder.cli.main", "grade", str(tiny), "--device", "cpu"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        while b"training run" not in (line := grader.stderr.readline()):
            assert line, "the grader ended before it trained"
        os.kill(grader.pid, signal.SIGKILL)
        grader.wait()
        deadline = time.monotonic() + 30
        while left := processes_of_session(grader.pid):
            assert time.monotonic() < deadline, f"still there: {left}"
            time.sleep(0.1)
    finally:
        grader.stderr.close()


def processes_of_session(session: int) -> list[int]:
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                state = Path(f"/proc/{entry}/stat").read_text().rsplit(")", 1)[1].split()[0]
                if os.getsid(int(entry)) == session and state != "Z":
                    found.append(int(entry))
            except (ProcessLookupError, FileNotFoundError):
                continue
    return found


def test_the_trainer_never_reads_the_test_labels(tiny, recipe_sandbox, tmp_path):
    """With the labels' file gone from its folder, the trainer trains all the same."""
    folder = tmp_path / "mnist"
    folder.mkdir()
    for name in data.FILES:
        if name != "t10k-labels-idx1-ubyte":
            (folder / name).symlink_to(data.ensure() / name)
    images = TrainingData(
        data.read_images("train", folder)[:300],
        data.read_labels("train", folder)[:300],
        data.read_images("test", folder)[:100],
    )
    spec = recipe_sandbox.capture(tiny.read_text())
    import torch

    asked = []
    results = list(
        train(
            spec,
            images,
            seed=1,
            device=torch.device("cpu"),
            score=lambda outputs: asked.append(outputs) or Scorer(torch.zeros(100, dtype=torch.int64), "nll")(outputs),
        )
    )
    assert len(results) == len(asked) == 3
