"""One training in its two processes: it resumes, it repeats, and its trainer learns no test label."""

import base64
import contextlib
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from autograder.grading.options import Options, ReducedRun
from autograder.grading.training_run import TrainingSetup, checkpoint_path, isolation, train_once
from autograder.sandbox import GPUAccess, Tier
from autograder.store.checkpoints import Checkpoint
from autograder.workers.messages import EpochFinished, Outputs, RunStarted, Scored, TrainingFailed, TrainRequest
from course import data
from course.capture import capture
from course.errors import GraderError, RecipeError
from course.training.data import TrainingData
from course.training.loop import train
from course.training.results import EpochResult
from course.training.scoring import Scorer
from tests.support.listeners import RecordingListener
from tests.support.recipes import REDUCED, TINY, recipe_of


@pytest.mark.training
def test_a_run_that_would_take_too_long_is_refused_after_a_few_steps(tiny, grade):
    hurried = replace(REDUCED, max_minutes=1e-6, reduced=ReducedRun(epochs=3, train_images=4000, test_images=500))
    result = grade(tiny, hurried, RecordingListener())
    assert result.verdict == "refused"
    assert "Training would take about" in result.reasons[0] and "as 20 steps show" in result.reasons[0]


@pytest.mark.training
def test_warm_workers_give_the_history_of_cold_ones_run_after_run(tiny, grade):
    cold = grade(tiny, REDUCED, RecordingListener(), workers=None).runs[0].epochs
    for _ in range(2):
        assert grade(tiny, REDUCED, RecordingListener()).runs[0].epochs == cold


class Stopped(Exception):
    """Stands for whatever ends the supervisor between two epochs."""


class StopsAfter(RecordingListener):
    def __init__(self, epochs: int):
        super().__init__()
        self.left = epochs

    def epoch(self, result):
        self.left -= 1
        if not self.left:
            raise Stopped


@pytest.mark.parametrize("epoch", [1, 2])
@pytest.mark.training
def test_a_run_that_was_interrupted_goes_on_with_the_same_history(tiny, recipe_sandbox, workers, epoch):
    spec, seed = recipe_sandbox.capture(tiny.read_text()), 1000 + epoch
    listener = RecordingListener()
    setup = TrainingSetup(REDUCED, recipe_sandbox.tier, listener, workers)
    whole = train_once(replace(setup, listener=RecordingListener()), spec, seed)
    with pytest.raises(Stopped):
        train_once(replace(setup, listener=StopsAfter(epoch)), spec, seed)
    resumed = train_once(setup, spec, seed)
    ((_, _, started),) = listener.named("run_started")
    assert started.resumed >= epoch
    assert resumed.epochs == whole.epochs


def test_the_trainer_never_reads_the_test_labels(tiny, recipe_sandbox, tmp_path):
    """With the labels' file gone from its folder, the trainer trains all the same."""
    folder = tmp_path / "mnist"
    folder.mkdir()
    for name in data.FILES:
        if name != "t10k-labels-idx1-ubyte":
            (folder / name).symlink_to(data.ensure() / name)
    files = replace(data.MNIST.files(), folder=folder)
    images = TrainingData(
        files.images("train")[:300],
        files.labels("train")[:300],
        files.images("test")[:100],
    )
    spec = recipe_sandbox.capture(tiny.read_text())
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


# --- one message at a time, with workers that play their part


EPOCHS = tuple(EpochResult(n, 0.1, 1.0, 600, 1000, 2.0, 100, 500) for n in (1, 2, 3))
OUTPUTS = Outputs(data="AAAA")
STARTED = RunStarted(device="cpu", device_name="a processor", threads=1, resumed=0)
SCORED = Scored(loss=0.5, correct=450, wrong=((3, 8),))


class FakeWorker(contextlib.nullcontext):
    """Answers with given messages, and remembers what it was sent."""

    def __init__(self, *messages):
        super().__init__(self)
        self.sent = []
        self._lines = iter([*(message.line() for message in messages), b""])

    def send(self, message):
        self.sent.append(message)

    def receive(self):
        return next(self._lines)


class FakePool:
    def __init__(self, *from_trainer, scores=(SCORED,) * 3):
        self.workers = {"trainer": FakeWorker(*from_trainer), "scorer": FakeWorker(*scores)}

        self.options = {}

    def start(self, name, **options):
        self.options[name] = options
        return self.workers[name]


class MemoryCheckpoints:
    def __init__(self, checkpoint=None):
        self.checkpoint, self.saved, self.record = checkpoint or Checkpoint(), [], None

    def load(self):
        return self.checkpoint

    def save(self, result, state):
        self.saved.append((result, state))

    def finish(self, record):
        self.record = record


def run_with(pool, spec, checkpoints=None, options=REDUCED, listener=None, tier=Tier.NONE):
    setup = TrainingSetup(options, tier, listener or RecordingListener(), pool)
    return train_once(setup, spec, 7, 1, checkpoints or MemoryCheckpoints())


def finished(epoch: EpochResult) -> EpochFinished:
    return EpochFinished(result=epoch, state=base64.b64encode(b"state").decode())


def whole_training(*, resumed=0):
    yield STARTED.model_copy(update={"resumed": resumed})
    for epoch in EPOCHS[resumed:]:
        yield OUTPUTS
        yield finished(epoch)


def test_the_score_that_counts_is_the_scorers_and_the_trainer_never_learns_which_images_were_wrong(spec):
    pool, checkpoints = FakePool(*whole_training()), MemoryCheckpoints()
    record = run_with(pool, spec, checkpoints)
    assert record.epochs == tuple(replace(epoch, test_loss=0.5, correct=450) for epoch in EPOCHS)
    assert (record.wrong, record.ended, record.device_name) == (((3, 8),), "", "a processor")
    assert pool.workers["trainer"].sent[1:] == [Scored(loss=0.5, correct=450)] * 3
    assert pool.workers["scorer"].sent[1:] == [OUTPUTS] * 3
    assert checkpoints.saved == [(epoch, b"state") for epoch in record.epochs] and checkpoints.record == record


def test_a_resumed_training_reports_the_epochs_of_its_checkpoint_first(spec):
    pool, listener = FakePool(*whole_training(resumed=2)), RecordingListener()
    record = run_with(pool, spec, MemoryCheckpoints(Checkpoint(EPOCHS[:2], b"after two")), listener=listener)
    assert [epoch for (epoch,) in listener.named("epoch")] == list(record.epochs)
    assert record.epochs[:2] == EPOCHS[:2] and len(record.epochs) == 3
    assert base64.b64decode(pool.workers["trainer"].sent[0].state) == b"after two"


def test_a_checkpoint_that_the_trainer_cannot_read_is_trained_again(spec):
    record = run_with(FakePool(*whole_training()), spec, MemoryCheckpoints(Checkpoint(EPOCHS[:2], b"damaged")))
    assert [epoch.epoch for epoch in record.epochs] == [1, 2, 3]


def test_the_trainer_is_asked_for_what_the_options_say(spec):
    pool = FakePool(*whole_training())
    run_with(pool, spec, options=replace(REDUCED, max_minutes=2.0))
    (request, *_) = pool.workers["trainer"].sent
    assert isinstance(request, TrainRequest)
    assert (request.seed, request.images, request.max_seconds) == (7, (1000, 500), 120.0)
    assert pool.workers["scorer"].sent[0].images == 500


@pytest.mark.parametrize(
    ("device", "problem", "trainer_is_sandboxed", "said"),
    [
        ("cpu", "no GPU there", True, "bubblewrap"),
        ("cuda", None, True, "bubblewrap"),
        ("cuda", "no GPU there", False, "bubblewrap, training on the GPU without"),
    ],
)
def test_only_a_gpu_that_cannot_be_used_in_bubblewrap_lets_the_trainer_out_and_the_result_says_so(
    spec, monkeypatch, device, problem, trainer_is_sandboxed, said
):
    gpu = GPUAccess(nodes=(Path("/dev/nvidia0"),))
    monkeypatch.setattr("autograder.sandbox.gpu_problem", lambda: problem)
    monkeypatch.setattr("autograder.sandbox.gpu_access", lambda: gpu)
    pool, options = FakePool(*whole_training()), replace(REDUCED, device=device)
    run_with(pool, spec, options=options, tier=Tier.BUBBLEWRAP)
    assert pool.options["trainer"]["sandboxed"] == trainer_is_sandboxed
    assert pool.options["trainer"]["gpu"] == (gpu if device == "cuda" else GPUAccess())
    assert pool.options["scorer"]["sandboxed"] and "gpu" not in pool.options["scorer"]
    assert isolation(Tier.BUBBLEWRAP, options) == said


def test_a_diverged_training_is_a_run_that_ended_early(spec):
    text = "Training diverged."
    record = run_with(FakePool(STARTED, TrainingFailed(kind="diverged", text=text)), spec)
    assert (record.epochs, record.ended, record.wrong) == ((), text, ())


@pytest.mark.parametrize(("kind", "error"), [("refused", RecipeError), ("internal", GraderError)])
def test_other_failures_of_the_trainer_are_errors(spec, kind, error):
    with pytest.raises(error, match="Because"):
        run_with(FakePool(STARTED, TrainingFailed(kind=kind, text="Because.")), spec)


@pytest.mark.parametrize("messages", [(), (STARTED,), (STARTED, OUTPUTS, finished(EPOCHS[0]))])
def test_a_trainer_that_just_stops_is_our_fault(spec, messages):
    with pytest.raises(GraderError, match="of 3 epochs without saying why"):
        run_with(FakePool(*messages), spec)


def test_an_epoch_without_a_score_is_not_believed(spec):
    with pytest.raises(GraderError, match="without asking for a score"):
        run_with(FakePool(STARTED, finished(EPOCHS[0])), spec)


def test_all_that_numbers_depend_on_changes_the_name_of_the_checkpoint(spec):
    options = Options(device="cpu")
    other = capture(recipe_of(TINY.replace("lr=0.1", "lr=0.2")))
    paths = {
        checkpoint_path(spec, 1, options),
        checkpoint_path(spec, 2, options),
        checkpoint_path(other, 1, options),
        checkpoint_path(spec, 1, replace(options, threads=2)),
        checkpoint_path(spec, 1, replace(options, reduced=ReducedRun(1, 100, 100))),
    }
    assert len(paths) == 5
    assert checkpoint_path(spec, 1, replace(options, max_minutes=1.0)) in paths


def test_in_a_course_the_checkpoint_is_in_its_private_folder(spec, own_course):
    assert checkpoint_path(spec, 1, Options(device="cpu")).parent == own_course / ".under8k" / "runs"
