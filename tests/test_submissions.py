"""Every folder of tests/submissions is a small submission; its `expected.toml` says which verdict it must get.

    expected.toml    verdict = "refused"        accepted (it may be trained), refused, error, or fail (after training).
                                                An accepted one is trained for an epoch: nothing may refuse it then
                     reason = "a fragment"      that the reasons must contain
                     reasons = ["a", "b"]       instead of `reason`, where chance decides which one it is
                     counted = 826              the parameters counted in an accepted network
                     seconds = 4                the sandbox's time limit, for code that never ends
                     assignment = "challenge"
    recipe.py, submission.ipynb                 what is handed in
    forge.py                                    `forge(spec)` turns a valid spec into what a process that is under a
                                                student's control may send instead: text, or data for JSON

The first word of a folder's name says what must come out: `honest` ones are accepted; those that hide, forge, reach,
train, overload, fail, make a mistake or draw seeds are not. A submission that reaches something forbidden says so
(REACHED), and nothing may be left behind.
"""

import contextlib
import ctypes
import functools
import hashlib
import json
import os
import queue
import runpy
import tempfile
import textwrap
import time
import tomllib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from autograder.grading.options import Options, ReducedRun
from autograder.grading.pipeline import grade, inspect_only
from autograder.grading.recipe_sandbox import LIMITS, RecipeSandbox
from autograder.sandbox import Limits, Tier, best_tier
from autograder.store.records import Result
from autograder.workers.client import WorkerPool
from course import data
from course.capture import capture, run_recipe
from course.errors import RecipeError, StudentCodeError
from course.rules import load_rules, refusals
from course.spec import Spec
from course.training.data import TrainingData
from course.training.loop import Run
from tests.support.listeners import RecordingListener
from tests.support.recipes import TINY

SUBMISSIONS = Path(__file__).parent / "submissions"
CASES = sorted(path.parent.name for path in SUBMISSIONS.glob("*/expected.toml"))
MIN_CASES = {
    "honest": 25,
    "hides": 20,
    "reaches": 12,
    "fault": 12,
    "forges": 8,
    "bomb": 6,
    "trains": 3,
    "mistake": 12,
    "draws": 8,
}
WORKERS = 2
HOME = "/home/teacher"  # as submissions write it; the test replaces it by a folder with decoys
SECRET = "the-gradebook-and-the-labels-were-read"
LEFT_BEHIND = "left_by_a_submission"  # how the names of files that submissions try to create begin
REDUCED = ReducedRun(epochs=1, train_images=1_000, test_images=200)
PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Outcome:
    case: str
    expected: dict
    verdict: str
    reason: str
    counted: int | None
    seconds: float

    @property
    def is_as_expected(self) -> bool:
        return (
            self.verdict == self.expected["verdict"]
            and any(
                fragment in self.reason for fragment in self.expected.get("reasons", [self.expected.get("reason", "")])
            )
            and self.expected.get("counted", self.counted) == self.counted
            and not any(word in self.reason for word in ("REACHED", SECRET))
            and self.reason.isprintable()
        )


@dataclass(frozen=True)
class Processes:
    """What one thread grades with; both are kept warm."""

    recipe_sandbox: RecipeSandbox
    workers: WorkerPool


def grade_case(case: str, processes: Processes, home: Path, folder: Path) -> Outcome:
    """Grade the case as the grader would; in its source, `home` replaces HOME."""
    recipe_sandbox = processes.recipe_sandbox
    expected = tomllib.loads((SUBMISSIONS / case / "expected.toml").read_text())
    recipe_sandbox.limits = (
        Limits(seconds=expected["seconds"], threads=LIMITS.threads) if "seconds" in expected else LIMITS
    )
    options = Options(expected.get("assignment", "challenge"), device="cpu", seeds=1, reduced=REDUCED)
    began = time.monotonic()
    if (SUBMISSIONS / case / "forge.py").exists():
        verdict, reason, counted = check_forged_spec(case, recipe_sandbox, options)
    else:
        trained = expected["verdict"] in ("accepted", "fail")
        result = grade_submission(case, processes, home, folder, options, trained=trained)
        was_accepted = expected["verdict"] == "accepted" and result.runs and not result.runs[0].ended
        verdict, counted = "accepted" if was_accepted else result.verdict, result.counted
        reason = "" if was_accepted else " ".join(result.reasons)
    return Outcome(case, expected, verdict, reason, counted, time.monotonic() - began)


def grade_submission(
    case: str, processes: Processes, home: Path, folder: Path, options: Options, *, trained: bool
) -> Result:
    (original,) = [path for path in (SUBMISSIONS / case).iterdir() if path.stem in ("recipe", "submission")]
    path = folder / f"{case}{original.suffix}"
    path.write_bytes(original.read_bytes().replace(HOME.encode(), str(home).encode()))
    if trained:
        return grade(path, options, RecordingListener(), processes.recipe_sandbox, workers=processes.workers)
    return inspect_only(path, options, RecordingListener(), processes.recipe_sandbox)


@functools.cache
def valid_spec() -> str:
    return capture(run_recipe(TINY)).to_json()


def check_forged_spec(case: str, recipe_sandbox: RecipeSandbox, options: Options) -> tuple[str, str, int | None]:
    """Verdict, reason and count for a spec that no recipe made."""
    said = runpy.run_path(str(SUBMISSIONS / case / "forge.py"))["forge"](json.loads(valid_spec()))
    blank = torch.zeros(200, 28, 28, dtype=torch.uint8)
    try:
        spec = Spec.from_json(said if isinstance(said, str) else json.dumps(said))
        inspection = recipe_sandbox.inspect(spec)
        # the trainer builds transforms, optimizer and schedule before its first step, and refuses what cannot be built
        Run(spec, TrainingData(blank, torch.zeros(200, dtype=torch.int64), blank), seed=1, device=torch.device("cpu"))
    except RecipeError as error:
        return "refused", str(error), None
    except StudentCodeError as error:
        return "error", str(error), None
    broken = refusals(load_rules(options.assignment), inspection)
    return "refused" if broken else "accepted", " ".join(broken), inspection.counted


def outcome_table(outcomes: list[Outcome]) -> str:
    rows = [
        f"{'ok   ' if o.is_as_expected else 'WRONG'} {o.case:<48} {o.expected['verdict']:<9}{o.verdict:<9}"
        f"{o.counted if o.counted is not None else '-':>6} {o.seconds:6.1f} s  {textwrap.shorten(o.reason, 150)}"
        for o in outcomes
    ]
    right = sum(o.is_as_expected for o in outcomes)
    head = f"      {'submission':<48} {'expected':<9}{'got':<9}{'count':>6} {'time':>8}  reason"
    return "\n".join([head, *rows, f"{right} of {len(outcomes)} verdicts are as expected."])


def descendant_processes() -> set[int]:
    """All living processes below this one. It is the subreaper, so orphans are among them."""
    below, wanted = {}, {os.getpid()}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, rest = int(stat.parent.name), stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):  # it ended in the meantime
            continue
        state, parent = rest[:2]
        if state != "Z":  # a zombie has ended; the subreaper could reap it
            below.setdefault(int(parent), set()).add(pid)
    found: set[int] = set()
    while wanted:
        wanted = set().union(*(below.get(pid, set()) for pid in wanted)) - found
        found |= wanted
    return found


def file_hashes(*folders: Path) -> dict[str, str]:
    """Every file and its SHA-256."""
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def files_left_behind() -> list[str]:
    """Files made by a submission in places where everybody may write."""
    root = Path(__file__).parents[1]
    places = {Path(tempfile.gettempdir()), *map(Path, ("/tmp", "/var/tmp", "/dev/shm", "/")), Path.home(), root}
    return [str(path) for place in places if place.is_dir() for path in place.glob(f"{LEFT_BEHIND}*")]


@pytest.fixture
def decoys(tmp_path, monkeypatch):
    """A teacher's home and working folder with gradebook, labels and keys in their usual places."""
    real = data.ensure()
    home, course = tmp_path / "home", tmp_path / "home" / "course"
    names = (
        "gradebook.db",
        ".ssh/id_ed25519",
        ".config/under8k/secret",
        ".cache/under8k/mnist/t10k-labels-idx1-ubyte",
        "course/gradebook.db",
        "course/data/MNIST/raw/t10k-labels-idx1-ubyte",
    )
    for name in names:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(SECRET)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("MNIST_ROOT", str(real))
    monkeypatch.setenv("UNDER8K_SECRET", SECRET)
    monkeypatch.chdir(course)
    return home


def test_no_kind_of_submission_is_forgotten():
    kinds = Counter(case.partition("_")[0] for case in CASES)
    assert kinds.keys() == MIN_CASES.keys()
    assert [kind for kind, least in MIN_CASES.items() if kinds[kind] < least] == []


@pytest.mark.slow
@pytest.mark.training
def test_every_submission_gets_its_verdict_and_leaves_nothing_behind(decoys, tmp_path, monkeypatch):
    tier = best_tier()
    if tier is Tier.NONE:
        pytest.skip("no sandbox works here")
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # orphans become children of this process
    folder = tmp_path / "handed_in"
    folder.mkdir()
    files, processes = file_hashes(SUBMISSIONS, decoys), descendant_processes()
    idle: queue.SimpleQueue[Processes] = queue.SimpleQueue()
    valid_spec()  # cached here, because torch.export cannot run in two threads

    def verdict_on(case: str) -> Outcome:
        mine = idle.get()
        try:
            return grade_case(case, mine, decoys, folder)
        finally:
            idle.put(mine)

    with contextlib.ExitStack() as stack, ThreadPoolExecutor(WORKERS) as pool:
        for _ in range(WORKERS):
            recipe_sandbox = stack.enter_context(RecipeSandbox(tier, warm=True))
            idle.put(Processes(recipe_sandbox, stack.enter_context(WorkerPool(warm=True))))
        outcomes = list(pool.map(verdict_on, CASES))
    report = outcome_table(outcomes)
    print(f"\n{report}")
    assert all(outcome.is_as_expected for outcome in outcomes), f"\n{report}"
    assert file_hashes(SUBMISSIONS, decoys) == files
    assert sorted(path.stem for path in folder.iterdir()) == [c for c in CASES if not c.startswith("forges_spec")]
    assert files_left_behind() == []
    patience = time.monotonic() + 20  # a killed process needs a moment to go
    while (left := descendant_processes() - processes) and time.monotonic() < patience:
        time.sleep(0.05)
    assert not left
