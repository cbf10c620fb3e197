"""A grading that is recorded in a store: nothing is trained twice, and nothing of it is lost."""

from dataclasses import replace

import pytest

from autograder.grading.options import Options, ReducedRun
from autograder.grading.pipeline import grade
from autograder.grading.recipe_sandbox import RecipeSandbox
from autograder.grading.recorder import register
from autograder.sandbox import best_tier
from course.errors import GraderError
from course.rules import load_rules
from tests.support.listeners import RecordingListener
from tests.support.recipes import TINY

REDUCED = Options(reduced=ReducedRun(epochs=3, train_images=1000, test_images=500), seeds=1, device="cpu")


@pytest.fixture(scope="module")
def recipe_sandbox():
    with RecipeSandbox(best_tier(), warm=True) as opened:
        yield opened


@pytest.fixture
def tiny(tmp_path):
    path = tmp_path / "tiny.py"
    path.write_text(TINY)
    return path


def test_a_second_grading_is_answered_from_the_store_without_training(store, tiny, recipe_sandbox):
    first = grade(tiny, REDUCED, RecordingListener(), recipe_sandbox, store, "ada")
    listener = RecordingListener()
    assert grade(tiny, REDUCED, listener, recipe_sandbox, store, "bob") == first
    assert [h for h in listener.heard if h[0] in ("run_started", "epoch")] == []
    assert [g.result for g in store.results.graded_attempts()] == [first, first]
    assert list(store.verify()) == []


def test_an_attempt_that_has_its_verdict_is_believed_until_something_changes(store, tiny, recipe_sandbox):
    first = grade(tiny, REDUCED, RecordingListener(), recipe_sandbox, store, "ada")
    assert grade(tiny, REDUCED, RecordingListener(), None, store, "ada", reuse_verdict=True) == first
    heard = []
    for options, student in ((replace(REDUCED, seeds=2), "ada"), (REDUCED, "bob")):
        listener = RecordingListener()
        grade(tiny, options, listener, recipe_sandbox, store, student, reuse_verdict=True)
        heard.append(next(h[1] for h in listener.heard if h[0] == "stage"))
    assert heard == ["running the recipe in the sandbox"] * 2


def test_a_changed_rule_judges_the_runs_that_are_there(store, tiny, recipe_sandbox, monkeypatch):
    assert grade(tiny, REDUCED, RecordingListener(), recipe_sandbox, store, "ada").verdict == "fail"
    easy = replace(load_rules("challenge"), accuracy=0.1)
    monkeypatch.setattr("autograder.grading.pipeline.load_rules", lambda name: easy)
    listener = RecordingListener()
    assert grade(tiny, REDUCED, listener, recipe_sandbox, store, "ada").verdict == "pass"
    assert [h for h in listener.heard if h[0] == "run_started"] == []
    assert store.results.latest("ada", "challenge").result.verdict == "pass"
    assert len(store.results.graded_attempts()) == 1


def test_our_own_fault_changes_nobodys_result(store, tiny, recipe_sandbox, monkeypatch):
    before = grade(tiny, REDUCED, RecordingListener(), recipe_sandbox, store, "ada")

    def broken(*_, **__):
        raise GraderError("The disk is on fire.")

    monkeypatch.setattr("autograder.grading.pipeline.train_once", broken)
    other = replace(REDUCED, reduced=replace(REDUCED.reduced, epochs=2))
    assert grade(tiny, other, RecordingListener(), recipe_sandbox, store, "ada").verdict == "internal"
    assert store.results.latest("ada", "challenge").result == before


def test_a_grading_leaves_its_source_and_its_mistakes_and_nothing_under_way(store, tiny, recipe_sandbox, monkeypatch):
    result = grade(tiny, REDUCED, RecordingListener(), recipe_sandbox, store, "ada")
    (seen,) = store.overview.since()[1]
    assert store.overview.source(seen.attempt_id) == tiny.read_text()
    wrong = store.overview.misclassified(seen.runs[0].id)
    assert len(wrong) == min(200, 500 - result.runs[-1].epochs[-1].correct)
    assert all(0 <= image < 500 and 0 <= said < 10 for image, said in wrong)
    assert store.overview.in_progress() == [] and list(store.verify()) == []

    def broken(*_, **__):
        raise GraderError("The disk is on fire.")

    monkeypatch.setattr("autograder.grading.pipeline.train_once", broken)
    tiny.write_text(tiny.read_text().replace("lr=0.1", "lr=0.2"))
    assert grade(tiny, REDUCED, RecordingListener(), recipe_sandbox, store, "ada").verdict == "internal"
    (fault,) = store.overview.in_progress()
    assert "on fire" in fault.fault and fault.attempt_id != seen.attempt_id


@pytest.mark.parametrize("text", ["recipe = '\0'", "recipe = '\ud800'"], ids=["null", "surrogate"])
def test_a_source_that_no_database_holds_is_kept_as_near_as_it_can_be(store, tmp_path, text):
    path = tmp_path / "x.py"
    path.write_bytes(text.encode(errors="surrogatepass"))
    attempt = register(store, path, "ada", "challenge")
    assert "\0" not in store.overview.source(attempt)
    assert store.overview.source(999) == ""


def test_the_trainer_never_learns_what_it_got_wrong(store, tiny, recipe_sandbox, monkeypatch):
    """With the numbers of the images that it got wrong, a network could be fitted to the test set."""
    from autograder.workers.messages import Scored

    told = []
    send = "autograder.workers.client.Worker.send"
    from autograder.workers.client import Worker

    original = Worker.send
    monkeypatch.setattr(send, lambda self, message: (told.append((self.name, message)), original(self, message))[1])
    grade(tiny, REDUCED, RecordingListener(), recipe_sandbox, store, "ada")
    scores = [message for name, message in told if name == "trainer" and isinstance(message, Scored)]
    assert len(scores) == REDUCED.reduced.epochs and all(message.wrong == () for message in scores)
