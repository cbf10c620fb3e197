"""A grading that is recorded in a store: nothing is trained twice, and nothing of it is lost."""

import datetime as dt
import os
from dataclasses import replace
from functools import partial
from typing import ClassVar

import pytest

from autograder.grading.attempts import run_key
from autograder.grading.recipe_sandbox import RecipeSandbox
from autograder.grading.recorder import GradingRecorder, TrainedElsewhere
from autograder.sandbox import best_tier
from autograder.store import Claim, ClaimLost, Regrade
from autograder.store.counting.regrades import Replacement
from autograder.store.results import new_verdict
from autograder.workers.client import Worker
from autograder.workers.messages import Scored
from course.errors import GraderError
from course.inspection.record import Inspection
from course.rules import load_rules
from course.spec import Spec
from tests.support.listeners import RecordingListener
from tests.support.recipes import REDUCED
from tests.support.stores import record_of, result_of


class RememberingSandbox(RecipeSandbox):
    """Captures and inspects a recipe once for all tests: what is tested is what becomes of it."""

    specs: ClassVar[dict[tuple[str, bool], Spec]] = {}
    inspections: ClassVar[dict[str, Inspection]] = {}

    def capture(self, source: str, *sizes: int, elsewhere: bool = False) -> Spec:
        if (source, elsewhere) not in self.specs:
            self.specs[source, elsewhere] = super().capture(source, *sizes, elsewhere=elsewhere)
        return self.specs[source, elsewhere]

    def inspect(self, spec: Spec, *rest: object) -> Inspection:
        if spec.hash not in self.inspections:
            self.inspections[spec.hash] = super().inspect(spec, *rest)
        return self.inspections[spec.hash]


@pytest.fixture
def recipe_sandbox(kept_servers):
    with RememberingSandbox(best_tier(), warm=True) as opened:
        yield opened


@pytest.mark.training
def test_a_second_grading_is_answered_from_the_store_without_training(store, tiny, grade):
    first = grade(tiny, REDUCED, RecordingListener(), store=store, student="ada")
    listener = RecordingListener()
    assert grade(tiny, REDUCED, listener, store=store, student="bob") == first
    assert [h for h in listener.calls if h[0] in ("run_started", "epoch")] == []
    assert [g.result for g in store.results.graded_attempts()] == [first, first]
    assert list(store.verify()) == []


@pytest.mark.training
def test_an_attempt_that_has_its_verdict_is_believed_until_something_changes(store, tiny, grade):
    first = grade(tiny, REDUCED, RecordingListener(), store=store, student="ada")
    again = partial(grade, tiny, listener=RecordingListener(), recipe_sandbox=None, store=store, reuse_verdict=True)
    assert again(options=REDUCED, student="ada") == first
    heard = []
    for options, student in ((replace(REDUCED, seeds=2), "ada"), (REDUCED, "bob")):
        listener = RecordingListener()
        grade(tiny, options, listener, store=store, student=student, reuse_verdict=True)
        heard.append(next(h[1] for h in listener.calls if h[0] == "stage"))
    assert heard == ["running the recipe in the sandbox"] * 2


@pytest.mark.training
def test_a_changed_rule_judges_the_runs_that_are_there(store, tiny, grade, monkeypatch):
    assert grade(tiny, REDUCED, RecordingListener(), store=store, student="ada").verdict == "fail"
    easy = replace(load_rules("challenge"), accuracy=0.1)
    monkeypatch.setattr("autograder.grading.pipeline.load_rules", lambda name: easy)
    listener = RecordingListener()
    assert grade(tiny, REDUCED, listener, store=store, student="ada").verdict == "pass"
    assert [h for h in listener.calls if h[0] == "run_started"] == []
    assert store.results.latest("ada", "challenge").result.verdict == "pass"
    assert len(store.results.graded_attempts()) == 1


@pytest.mark.training
def test_a_regrade_that_was_taken_back_is_not_made_again_by_grading_again(store, tiny, grade, monkeypatch):
    first = grade(tiny, REDUCED, RecordingListener(), store=store, student="ada")
    easy = replace(load_rules("challenge"), accuracy=0.1)
    before = store.results.latest("ada", "challenge")
    passed = new_verdict(before.attempt_id, result_of("pass"), easy, (), options=before.options, reason="easier")
    record = store.regrades.apply([Replacement(before.verdict_id, passed)], reason="easier")
    store.regrades.undo(record.number, reason="it was fair")
    monkeypatch.setattr("autograder.grading.pipeline.load_rules", lambda name: easy)
    end, listener = store.chain_end(), RecordingListener()
    assert grade(tiny, REDUCED, listener, store=store, student="ada") == first and store.chain_end() == end
    assert "was taken back" in listener.calls[0][1]
    again = Regrade("the fan had stopped", dt.datetime.now(dt.UTC))
    assert grade(tiny, REDUCED, listener, store=store, student="ada", regrade=again).verdict == "pass"


def broken(*_, **__):
    raise GraderError("The disk is on fire.")


@pytest.fixture
def breaks(monkeypatch):
    """Let every training break, and our own recipe's as well if `problem` says so; returns the function for that."""

    def breaks(problem=""):
        monkeypatch.setattr("autograder.grading.pipeline.train_once", broken)
        monkeypatch.setattr("autograder.grading.pipeline.reference_problem", lambda *_, **__: problem)

    return breaks


@pytest.mark.training
def test_our_own_fault_changes_nobodys_result(store, tiny, grade, breaks):
    before = grade(tiny, REDUCED, RecordingListener(), store=store, student="ada")
    breaks("The disk is on fire.")
    other = replace(REDUCED, reduced=replace(REDUCED.reduced, epochs=2))
    assert grade(tiny, other, RecordingListener(), store=store, student="ada").verdict == "internal"
    assert store.results.latest("ada", "challenge").result == before


@pytest.mark.parametrize("problem", ["", "The disk is on fire."], ids=["ours_works", "ours_breaks_too"])
def test_a_fault_of_the_machine_costs_nobody_a_point_however_often_it_comes(store, tiny, grade, breaks, problem):
    breaks(problem)
    verdicts = [grade(tiny, REDUCED, RecordingListener(), store=store, student="ada").verdict for _ in range(3)]
    assert verdicts == (["internal"] * 3 if problem else ["error"] * 3)
    stored = store.results.latest("ada", "challenge")
    if problem:
        assert stored is None
    else:
        assert stored.result.verdict == "error" and "The disk is on fire." in stored.result.reasons[0]
    (noted,) = store.overview.in_progress()
    assert noted.fault.startswith("The disk is on fire.") and list(store.verify()) == []


@pytest.mark.training
def test_a_verdict_that_came_from_a_fault_is_tried_again_and_replaced(store, tiny, grade, breaks, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("autograder.grading.pipeline.train_once", broken)
        patch.setattr("autograder.grading.pipeline.reference_problem", lambda *_, **__: "")
        assert grade(tiny, REDUCED, RecordingListener(), store=store, student="ada").verdict == "error"
    again = grade(tiny, REDUCED, RecordingListener(), store=store, student="ada", reuse_verdict=True)
    assert again.verdict == "fail" and store.overview.in_progress() == []
    assert store.results.latest("ada", "challenge").result == again


@pytest.mark.training
def test_an_attempt_that_cannot_be_read_counts_as_the_last_one_all_the_same(store, tiny, grade, monkeypatch, tmp_path):
    easy = replace(load_rules("challenge"), accuracy=0.01, hold=1, attempts="last")
    monkeypatch.setattr("autograder.grading.pipeline.load_rules", lambda name: easy)
    os.utime(tiny, (0, 0))
    assert grade(tiny, REDUCED, RecordingListener(), store=store, student="ada").verdict == "pass"
    later = tmp_path / "later.py"
    later.write_bytes(tiny.read_bytes() + "# \ud800".encode(errors="surrogatepass"))
    for _ in range(2):
        assert grade(later, REDUCED, RecordingListener(), store=store, student="ada").verdict == "error"
    (counting,) = store.results.counting_attempts("challenge", "last")
    assert counting.result.verdict == "error" and "holds a byte that is not UTF-8" in counting.result.reasons[0]


@pytest.mark.training
def test_a_grading_leaves_its_source_and_its_mistakes_and_nothing_under_way(store, tiny, grade, breaks):
    result = grade(tiny, REDUCED, RecordingListener(), store=store, student="ada")
    (seen,) = store.overview.since()[1]
    assert store.overview.source(seen.attempt_id) == tiny.read_text()
    wrong = store.overview.misclassified(seen.runs[0].id)
    assert len(wrong) == min(200, 500 - result.runs[-1].epochs[-1].correct)
    assert all(0 <= image < 500 and 0 <= said < 10 for image, said in wrong)
    assert store.overview.in_progress() == [] and list(store.verify()) == []

    breaks("The disk is on fire.")
    tiny.write_text(tiny.read_text().replace("lr=0.1", "lr=0.2"))
    assert grade(tiny, REDUCED, RecordingListener(), store=store, student="ada").verdict == "internal"
    (fault,) = store.overview.in_progress()
    assert "on fire" in fault.fault and fault.attempt_id != seen.attempt_id


@pytest.mark.training
def test_the_trainer_never_learns_what_it_got_wrong(store, tiny, grade, monkeypatch):
    """With the numbers of the images that it got wrong, a network could be fitted to the test set."""
    sent = []
    send = Worker.send
    monkeypatch.setattr(Worker, "send", lambda self, message: (sent.append((self.name, message)), send(self, message)))
    grade(tiny, REDUCED, RecordingListener(), store=store, student="ada")
    scores = [message for name, message in sent if name == "trainer" and isinstance(message, Scored)]
    assert len(scores) == REDUCED.reduced.epochs and all(message.wrong == () for message in scores)


# --- the recorder by itself

RULES = load_rules("challenge")


def recorder_for(store, path, student="ada", **options) -> GradingRecorder:
    return GradingRecorder(store, path, RULES, REDUCED, student, **options)


def never(checkpoints):
    raise AssertionError("there is nothing to train")


def test_a_run_is_trained_once_whoever_asks(store, tiny, spec):
    first, second = recorder_for(store, tiny), recorder_for(store, tiny, "bob")
    stages = []

    def train(checkpoints):
        checkpoints.finish(record_of(()))
        return record_of(())

    trained = first.run(spec, 7, "bubblewrap", train, stages.append)
    assert stages == []
    assert second.run(spec, 7, "bubblewrap", never, stages.append) == trained
    assert stages == ["run with seed 7: trained before, taken from the store"]


def test_who_does_not_wait_is_told_which_run_is_being_trained(store, tiny, spec):
    claim = store.claims.take(run_key(spec, 7, REDUCED), spec)
    assert isinstance(claim, Claim)
    with claim, pytest.raises(TrainedElsewhere) as caught:
        recorder_for(store, tiny, wait=False).run(spec, 7, "bubblewrap", never, lambda text: None)
    assert caught.value.run_id == claim.run_id


def test_a_claim_that_is_lost_while_it_trains_is_taken_again(store, tiny, spec):
    stages, tries = [], []

    def train(checkpoints):
        tries.append(checkpoints)
        if len(tries) == 1:
            raise ClaimLost("Taken over.")
        checkpoints.finish(record_of(()))
        return record_of(())

    assert recorder_for(store, tiny).run(spec, 7, "bubblewrap", train, stages.append).epochs == ()
    assert len(tries) == 2 and stages == ["Taken over."]


def test_without_a_student_there_is_no_attempt_and_no_verdict(store, tiny):
    recorder = recorder_for(store, tiny, student=None)
    recorder.record_verdict(result_of("pass", ()))
    assert store.results.graded_attempts() == [] and recorder.reusable_verdict() is None


def test_a_verdict_is_reused_for_the_same_file_alone(store, tiny):
    recorder = recorder_for(store, tiny)
    assert recorder.reusable_verdict() is None
    recorder.record_verdict(replace(result_of("refused", ()), runs=()))
    assert recorder_for(store, tiny).reusable_verdict().verdict == "refused"
    tiny.write_text(tiny.read_text() + "# changed\n")
    assert recorder_for(store, tiny).reusable_verdict() is None


@pytest.fixture
def on_day(recipe_sandbox, tiny, monkeypatch):
    """Let the recipe in `tiny` read the day around Python's clocks; returns the function that sets the day."""
    tiny.write_text(tiny.read_text().replace("lr=0.1,", "lr=DAY / 10,"))
    capture = recipe_sandbox.capture

    def on_day(day):
        seen = f"{day}"
        monkeypatch.setattr(
            recipe_sandbox, "capture", lambda text, *size, **how: capture(text.replace("DAY", seen), *size, **how)
        )

    return on_day


@pytest.mark.training
def test_a_file_that_is_another_recipe_on_another_day_draws_no_seeds_again(store, tiny, grade, on_day):
    on_day(1)
    first = grade(tiny, REDUCED, RecordingListener(), store=store, student="ada")
    on_day(2)
    for student in ("ada", "bob", "ada"):
        refused = grade(tiny, REDUCED, RecordingListener(), store=store, student=student)
        assert refused.verdict == "refused" and not refused.runs
        assert "its first grading, on " in refused.reasons[0]
        assert "optimizer.groups.0.options.lr is 0.1 and 0.2. A recipe must be the same" in refused.reasons[0]
    on_day(1)
    assert grade(tiny, REDUCED, RecordingListener(), store=store, student="ada") == first


@pytest.mark.training
def test_what_an_update_of_ours_captures_otherwise_is_not_held_against_a_student(
    store, tiny, grade, on_day, monkeypatch
):
    on_day(1)
    assert grade(tiny, REDUCED, RecordingListener(), store=store, student="ada").verdict == "fail"
    monkeypatch.setattr("autograder.grading.recorder.capture_conditions", lambda data: "of a later version")
    on_day(2)
    assert grade(tiny, REDUCED, RecordingListener(), store=store, student="ada").verdict == "fail"
    on_day(3)
    assert grade(tiny, REDUCED, RecordingListener(), store=store, student="ada").verdict == "refused"


def test_a_file_that_was_refused_as_another_recipe_cannot_be_trained_on_a_better_day(
    store, tiny, grade, on_day, monkeypatch
):
    on_day(1)
    with monkeypatch.context() as patch:
        strict = replace(load_rules("challenge"), max_parameters=10)
        patch.setattr("autograder.grading.pipeline.load_rules", lambda name: strict)
        assert grade(tiny, REDUCED, RecordingListener(), store=store, student="ada").verdict == "refused"
    on_day(2)
    refused = grade(tiny, REDUCED, RecordingListener(), store=store, student="ada")
    assert refused.verdict == "refused" and "the network that was refused then is another one" in refused.reasons[0]
