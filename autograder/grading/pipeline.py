"""One submission, end to end.

    file -> source (`read_submission`) -> spec and inspection (`recipe_sandbox`) -> refusals (`course.rules`)
         -> runs (`training_run`) -> verdict (`course.rules`); what breaks in between is settled by `faults`

This process is the supervisor: it runs no code of the student's, trains nothing, and holds no labels.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from autograder import sandbox
from autograder.console import printable, printable_name
from autograder.grading.draw_seed import draw_seed
from autograder.grading.faults import TRY_TO_FIND_OUT, Settled, describe_fault, reference_problem, settle_fault
from autograder.grading.options import Options
from autograder.grading.read_submission import read_recipe_source, worked_files_beside
from autograder.grading.recipe_sandbox import RecipeSandbox
from autograder.grading.recorder import GradingRecorder
from autograder.grading.training_run import Interruption, Listener, TrainingSetup, isolation, train_once
from autograder.store import Regrade, Store, StoreError
from autograder.store.records import Result, RunRecord
from autograder.store.secret import course_secret
from autograder.workers.client import WorkerPool
from course.errors import DataError, RecipeError, StudentCodeError, UsageError
from course.recipe import TEST_IMAGES
from course.rules import Judgement, Rules, Verdict, first_epoch_remarks, judge, load_rules, refusals
from course.spec import Spec

NOT_ABOUT_A_SUBMISSION = (UsageError, StoreError, DataError, Interruption)
NOT_OFFICIAL = "This was a reduced run (fewer epochs or images), so the result is not official."
SHORT_OF_SEEDS = (
    "So near the limit the rules train more seeds than were asked for with --seeds, so the result is not official."
)


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
    propose: Callable[[Result, tuple[int, ...]], None] | None = None,
) -> Result:
    """The verdict on one file. Raises UsageError and StoreError; all other errors become verdicts.

    With a `store`, its runs are not trained again, new ones are recorded there, and so is `student`'s attempt with its
    verdict. `regrade` trains again. If another process trains the same run: `wait` for it, or raise TrainedElsewhere.
    Pass `recipe_sandbox` and `workers` to reuse their processes for many submissions. `reuse_verdict` returns the
    verdict that the attempt already has under the same rules, options and versions. If a regrade by these rules was
    taken back, it is the verdict from before that in any case. `propose` is called with a verdict and its runs in place
    of recording it; a fault is no verdict.
    """
    rules = load_rules(options.assignment)
    recorder = None
    if store is not None:
        recorder = GradingRecorder(store, path, rules, options, student, regrade=regrade, wait=wait)
        if reuse_verdict and not propose and (known := recorder.reusable_verdict()):
            listener.stage("graded before under the same rules: the verdict is taken from the store")
            return known
        if not propose and (kept := recorder.kept_verdict()):
            listener.stage("a regrade by these rules was taken back: the verdict from before it stays")
            return kept
    recipe_sandbox = recipe_sandbox or RecipeSandbox(sandbox.choose_tier(options.trust_submissions))

    def grade_once() -> Result:
        prepared = prepare(path, rules, options, listener, recipe_sandbox)
        if prepared.spec is None:
            return prepared.result
        setup = TrainingSetup(options, recipe_sandbox.tier, listener, workers or WorkerPool(), options.data_set)
        return _train_and_judge(prepared.result, prepared.spec, rules, setup, recorder)

    def find_problem() -> str:
        listener.stage(TRY_TO_FIND_OUT)
        return reference_problem(options, recipe_sandbox, workers, trains=True)

    try:
        settled = Settled(grade_once())
        if settled.result.verdict == "internal":
            settled = settle_fault(settled.result, grade_once, find_problem)
    except DataError as error:  # no digits for anybody
        settled = Settled(_failed(_without_verdict(path, rules, options, recipe_sandbox), error))
    if recorder is not None and propose is None:
        recorder.record_verdict(settled.result, settled.fault)
    elif recorder is not None and propose and not settled.fault and settled.result.verdict != "internal":
        propose(settled.result, recorder.run_ids)
    return settled.result


def inspect_only(
    path: Path, options: Options, listener: Listener, recipe_sandbox: RecipeSandbox | None = None
) -> Result:
    """Like `grade`, without training. Without `reasons` there is no verdict yet: the recipe may be trained."""
    recipe_sandbox = recipe_sandbox or RecipeSandbox(sandbox.choose_tier(options.trust_submissions))
    inspect_once = partial(prepare, path, load_rules(options.assignment), options, listener, recipe_sandbox)

    def find_problem() -> str:
        listener.stage(TRY_TO_FIND_OUT)
        return reference_problem(options, recipe_sandbox, None, trains=False)

    result = inspect_once().result
    if result.verdict == "internal" and result.reasons:
        return settle_fault(result, lambda: inspect_once().result, find_problem).result
    return result


@dataclass(frozen=True)
class Prepared:
    """A submission before training. Without a `spec` it cannot be trained, and the result is final."""

    result: Result
    spec: Spec | None = None


def prepare(path: Path, rules: Rules, options: Options, listener: Listener, recipe_sandbox: RecipeSandbox) -> Prepared:
    """Read, capture and inspect a submission. Raises UsageError and StoreError; all other errors become verdicts."""
    result = _without_verdict(path, rules, options, recipe_sandbox)
    try:
        source = read_recipe_source(path, tell=listener.stage)
        listener.stage("running the recipe in the sandbox")
        train_size = options.data_set.train_size
        spec = recipe_sandbox.capture(source, train_size)
        listener.stage("inspecting the network")
        with ThreadPoolExecutor(1) as pool:  # both take about as long
            confirmed = pool.submit(recipe_sandbox.confirm, source, spec, train_size)
            inspection = recipe_sandbox.inspect(spec, source, train_size)
        reasons = refusals(rules, inspection)
        if not reasons:
            confirmed.result()
    except NOT_ABOUT_A_SUBMISSION:
        raise
    except Exception as error:
        return Prepared(_with_forgotten_work(_failed(result, error), path))
    result = replace(result, inspection=inspection)
    if reasons:
        return Prepared(replace(result, verdict="refused", reasons=tuple(reasons)))
    return Prepared(result, spec)


def _train_and_judge(
    result: Result, spec: Spec, rules: Rules, setup: TrainingSetup, recorder: GradingRecorder | None
) -> Result:
    """`result` with a verdict."""
    try:
        if recorder is not None:
            recorder.require_same_recipe(spec, result.isolation)
        runs, judgement = train_until_decided(spec, rules, setup, recorder)
    except NOT_ABOUT_A_SUBMISSION:
        raise
    except Exception as error:
        return _failed(result, error)
    return judged(result, rules, runs, judgement)


def train_until_decided(
    spec: Spec, rules: Rules, setup: TrainingSetup, recorder: GradingRecorder | None = None
) -> tuple[tuple[RunRecord, ...], Judgement]:
    """Train one seed after another until the verdict is clear. Raises CourseError, TrainedElsewhere."""
    secret = course_secret()
    to_train = spec
    if reduced := setup.options.reduced:
        to_train = spec.model_copy(update={"epochs": min(spec.epochs, reduced.epochs)})
    if recorder is not None:
        recorder.forget_runs()

    def next_run(number: int) -> RunRecord:
        seed = draw_seed(secret, spec.hash, number)
        train = partial(train_once, setup, to_train, seed, number)
        if recorder is None:
            return train()
        return recorder.run(spec, seed, isolation(setup.tier, setup.options), train, setup.listener.stage)

    return judge_until_decided(rules, setup.options, next_run)


def judge_until_decided(
    rules: Rules, options: Options, next_run: Callable[[int], RunRecord]
) -> tuple[tuple[RunRecord, ...], Judgement]:
    """Ask for run 1, 2, ... until the verdict is clear."""
    if reduced := options.reduced:
        rules = reduced.rules(rules)
    runs: list[RunRecord] = []
    while True:
        runs.append(next_run(len(runs) + 1))
        judgement = judge(
            rules,
            [run.correct for run in runs],
            ended=[run.ended for run in runs],
            seeds=options.seeds,
            total=next((run.total for run in runs if run.epochs), TEST_IMAGES),
        )
        if not judgement.needs_another_seed:
            return tuple(runs), judgement


def _without_verdict(path: Path, rules: Rules, options: Options, recipe_sandbox: RecipeSandbox) -> Result:
    return Result(
        submission=printable_name(path.name),
        assignment=rules.assignment,
        verdict="internal",
        reasons=(),
        official=options.reduced is None,
        isolation=isolation(recipe_sandbox.tier, options),
    )


def judged(result: Result, rules: Rules, runs: tuple[RunRecord, ...], judgement: Judgement) -> Result:
    """`result` with the verdict on its runs."""
    reasons = [*judgement.reasons, *first_epoch_remarks(rules, [run.epochs for run in runs])]
    reasons += [NOT_OFFICIAL] * (not result.official) + [SHORT_OF_SEEDS] * judgement.short_of_seeds
    return replace(
        result,
        verdict=judgement.verdict,
        reasons=tuple(reasons),
        official=result.official and not judgement.short_of_seeds,
        borderline=judgement.seeds_disagree,
        runs=runs,
    )


def _failed(result: Result, error: Exception) -> Result:
    """The verdict that an error leads to. `internal` is not final: see `settle_fault`."""
    verdict: Verdict = "internal"
    if isinstance(error, RecipeError):
        verdict = "refused"
    elif isinstance(error, StudentCodeError):
        verdict = "error"
    return replace(result, verdict=verdict, reasons=(printable(describe_fault(error)),))


def _with_forgotten_work(result: Result, path: Path) -> Result:
    """Of a file without a recipe: also which other file of the hand-in has one."""
    if result.verdict != "error" or not (names := worked_files_beside(path)):
        return result
    others = printable(", ".join(names), 300)
    forgotten = (
        f"A recipe is written in {others} beside it, which was not read: the grader takes {result.submission}. Put the "
        "recipe into that one, and hand in again."
    )
    return replace(result, reasons=(*result.reasons, forgotten))
