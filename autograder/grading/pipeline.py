"""One submission, end to end.

    file -> source (`submission`) -> spec and inspection (`recipe_sandbox`, in the sandbox) -> refusals (`course.rules`)
         -> runs (`workers.trainer`, scored by `workers.scorer`) -> verdict (`course.rules`)

This process, the supervisor, runs nothing of the student's, trains nothing, and holds no labels.
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Protocol

from platformdirs import user_cache_path

from autograder import sandbox
from autograder.grading.options import Options
from autograder.grading.recipe_sandbox import RecipeSandbox
from autograder.grading.recorder import GradingRecorder, run_key
from autograder.grading.submission import read_recipe_source
from autograder.store import Regrade, Store, StoreError
from autograder.store.checkpoints import Checkpoint, CheckpointFile, CheckpointStore
from autograder.store.records import Result, RunRecord, versions
from autograder.store.secret import course_secret, draw_seed
from autograder.workers.client import WorkerPool
from autograder.workers.messages import (
    EpochFinished,
    Outputs,
    Progress,
    RunStarted,
    Scored,
    ScoreRequest,
    TrainingFailed,
    TrainRequest,
    parse_trainer_message,
)
from course import data
from course.errors import CourseError, GraderError, RecipeError, StudentCodeError, UsageError
from course.rules import Rules, judge, load_rules, refusals
from course.spec import Spec
from course.training.results import EpochResult

TEST_LABELS = "t10k-labels-idx1-ubyte"


class Listener(Protocol):
    """Told what happens while a submission is graded."""

    def stage(self, text: str) -> None: ...

    def run_started(self, number: int, seed: int, started: RunStarted) -> None: ...

    def progress(self, progress: Progress) -> None: ...

    def epoch(self, result: EpochResult) -> None: ...


def grade(
    path: Path,
    options: Options,
    listener: Listener,
    recipe_sandbox: RecipeSandbox | None = None,
    store: Store | None = None,
    student: str | None = None,
    *,
    regrade: Regrade | None = None,
    wait: bool = True,
    workers: WorkerPool | None = None,
    reuse_verdict: bool = False,
) -> Result:
    """The verdict on one file. Raises UsageError, StoreError; every other trouble becomes a verdict.

    With a `store` the runs are kept there, those that are there already are not trained again, and `student`'s attempt
    is kept with its verdict. `regrade` trains all the same. Where another process trains the same run, `wait` for it,
    or raise TrainedElsewhere. `recipe_sandbox` and `workers` may be warm, for many submissions. With
    `reuse_verdict`, an attempt that has its verdict by the same rules, options and versions is not even run again.
    """
    rules = load_rules(options.assignment)
    recorder = None
    if store is not None:
        recorder = GradingRecorder(store, path, rules, student, options.asked(), regrade=regrade, wait=wait)
        if reuse_verdict and (known := recorder.known()):
            return known
    train_and_judge = partial(_train_and_judge, recorder=recorder, workers=workers)
    result = _judged(path, options, listener, recipe_sandbox, train_and_judge)
    if recorder is not None:
        recorder.verdict(result)
    return result


def inspect_only(
    path: Path, options: Options, listener: Listener, recipe_sandbox: RecipeSandbox | None = None
) -> Result:
    """The same without training: a verdict only when there would be one before it; `reasons` is empty otherwise."""
    return _judged(path, options, listener, recipe_sandbox, lambda spec, rules, options, result, listener: result)


def _judged(
    path: Path, options: Options, listener: Listener, recipe_sandbox: RecipeSandbox | None, then: Callable[..., Result]
) -> Result:
    """Take in, refuse; `then` goes on with what may be trained."""
    rules = load_rules(options.assignment)
    recipe_sandbox = recipe_sandbox or RecipeSandbox(sandbox.choose_tier(options.trust_submissions))
    result = Result(
        submission=path.name,
        assignment=rules.assignment,
        verdict="internal",
        reasons=(),
        official=options.reduced is None,
        isolation=recipe_sandbox.tier.value,
    )
    try:
        submission = read_recipe_source(path)
        listener.stage("running the recipe in the sandbox")
        spec = recipe_sandbox.capture(submission.source)
        listener.stage("inspecting the network")
        inspection = recipe_sandbox.inspect(spec)
        result = replace(result, inspection=inspection)
        if broken := refusals(rules, inspection):
            return replace(result, verdict="refused", reasons=tuple(broken))
        return then(spec, rules, options, result, listener)
    except (UsageError, StoreError):
        raise
    except RecipeError as error:
        return replace(result, verdict="refused", reasons=(str(error),))
    except StudentCodeError as error:
        return replace(result, verdict="error", reasons=(str(error),))
    except CourseError as error:
        return replace(result, verdict="internal", reasons=(str(error),))


def _train_and_judge(
    spec: Spec,
    rules: Rules,
    options: Options,
    result: Result,
    listener: Listener,
    recorder: GradingRecorder | None = None,
    workers: WorkerPool | None = None,
) -> Result:
    """Seed after seed until the verdict is clear."""
    folder, tier = data.ensure(), sandbox.Tier(result.isolation)
    secret = course_secret()
    cut = options.reduced
    rules = cut.rules(rules) if cut else rules
    total = cut.test_images if cut else 10_000
    trained = spec.model_copy(update={"epochs": min(spec.epochs, cut.epochs)}) if cut else spec
    runs: list[RunRecord] = []
    while True:
        seed = draw_seed(secret, spec.hash, len(runs) + 1)
        train = partial(
            train_once, trained, seed, folder, options, tier, listener, number=len(runs) + 1, workers=workers
        )
        if recorder is None:
            runs.append(train())
        else:
            key = run_key(spec, seed, options.device, options.threads, str(cut or ""), graphs=options.uses_cuda_graphs)
            runs.append(recorder.run(key, spec, lambda k, go=train: go(keeper=k), listener.stage, result.isolation))
        judgement = judge(
            rules, [r.correct for r in runs], ended=[r.ended for r in runs], seeds=options.seeds, total=total
        )
        if not judgement.needs_another_seed:
            break
    reasons = judgement.reasons
    if not result.official:
        reasons += ("This was a reduced run (fewer epochs or images), so the result is not official.",)
    return replace(
        result,
        verdict=judgement.verdict,
        reasons=reasons,
        borderline=judgement.seeds_disagree,
        runs=tuple(runs),
    )


def train_once(
    spec: Spec,
    seed: int,
    folder: Path,
    options: Options,
    tier: sandbox.Tier,
    listener: Listener,
    *,
    number: int = 1,
    keeper: CheckpointStore | None = None,
    workers: WorkerPool | None = None,
) -> RunRecord:
    """One run in processes of its own, resumed where an earlier one stopped. Raises GraderError, RecipeError."""
    keeper = keeper or CheckpointFile(_kept_in(spec, seed, options))
    kept = keeper.load()
    workers = workers or WorkerPool()
    sandboxed = tier is sandbox.Tier.BUBBLEWRAP and not _may_use_gpu(options.device)
    seen = [folder / name for name in data.FILES if name != TEST_LABELS]
    began = time.monotonic()
    epochs: list[EpochResult] = []
    scored: Scored | None = None
    ended = ""
    with (
        workers.start("trainer", sandboxed=sandboxed, threads=options.threads, readable=seen) as trainer,
        workers.start("scorer", sandboxed=sandboxed, readable=[folder / TEST_LABELS]) as scorer,
    ):
        scorer.send(_score_request(spec, folder, options))
        trainer.send(_train_request(spec, seed, folder, options, kept))
        started = None
        while line := trainer.receive():
            match parse_trainer_message(line):
                case RunStarted() as started:
                    epochs += kept.epochs[: started.resumed]
                    listener.run_started(number, seed, started)
                    for epoch in epochs:
                        listener.epoch(epoch)
                case Progress() as progress:
                    listener.progress(progress)
                case Outputs() as outputs:
                    scorer.send(outputs)
                    scored = Scored.model_validate_json(scorer.receive())
                    trainer.send(Scored(loss=scored.loss, correct=scored.correct))
                case EpochFinished() as epoch:
                    epochs.append(_epoch_result(epoch, scored))
                    keeper.save(epochs[-1], base64.b64decode(epoch.state))
                    listener.epoch(epochs[-1])
                case TrainingFailed(kind="diverged", text=text):
                    ended = text
                case TrainingFailed(kind="refused", text=text):
                    raise RecipeError(text)
                case TrainingFailed(text=text):
                    raise GraderError(text)
    if started is None or (len(epochs) != spec.epochs and not ended):
        raise GraderError(f"The trainer ended after {len(epochs)} of {spec.epochs} epochs without saying why.")
    record = RunRecord(
        seed=seed,
        device=started.device,
        device_name=started.device_name,
        threads=started.threads,
        epochs=tuple(epochs),
        seconds=round(time.monotonic() - began, 1),
        ended=ended,
        wrong=scored.wrong if scored else (),
    )
    keeper.finish(record)
    return record


def _score_request(spec: Spec, folder: Path, options: Options) -> ScoreRequest:
    images = options.reduced.test_images if options.reduced else None
    return ScoreRequest(folder=str(folder), loss=spec.loss, images=images)


def _train_request(spec: Spec, seed: int, folder: Path, options: Options, kept: Checkpoint) -> TrainRequest:
    cut = options.reduced
    return TrainRequest(
        spec=spec.to_json(),
        seed=seed,
        device=options.device,
        threads=options.threads,
        cuda_graphs=options.cuda_graphs,
        folder=str(folder),
        images=(cut.train_images, cut.test_images) if cut else None,
        state=base64.b64encode(kept.state or b"").decode(),
        max_seconds=60 * options.max_minutes,
    )


def _may_use_gpu(device: str) -> bool:
    """A sandboxed process has no devices: on a GPU the trainer, which runs only our own code, is not sandboxed."""
    return device == "cuda" or (device == "auto" and Path("/dev/nvidiactl").exists())


def _epoch_result(epoch: EpochFinished, scored: Scored | None) -> EpochResult:
    """The trainer's numbers, with the score as the scorer gave it."""
    if scored is None:
        raise GraderError(f"The trainer finished epoch {epoch.epoch} without asking for a score.")
    values = epoch.model_dump(exclude={"kind", "state"})
    return EpochResult(**values | {"test_loss": scored.loss, "correct": scored.correct})


def _kept_in(spec: Spec, seed: int, options: Options) -> Path:
    """Where an interrupted run is kept; anything that changes its numbers changes the name."""
    how = f"{options.device}/{options.threads}/{options.uses_cuda_graphs}/{options.reduced}"
    what = f"{spec.hash}/{seed}/{how}/{sorted(versions().items())}"
    return user_cache_path("under8k") / "runs" / f"{hashlib.sha256(what.encode()).hexdigest()[:32]}.json"
