"""Training again: equal to the last digit, or each number that is not, with what may explain it."""

from dataclasses import replace

import pytest

from autograder.gradebook.explain import rerun
from autograder.gradebook.explain.evidence import collect_evidence
from autograder.gradebook.explain.rerun import changed_conditions, check_rerun, compare_runs, train_again
from autograder.grading.options import Options, ReducedRun
from autograder.grading.pipeline import grade
from autograder.store.records import software_versions
from course.errors import GraderError, UsageError
from course.training.hardware import processor_name
from tests.support.judged_attempts import grade_made_up
from tests.support.listeners import RecordingListener
from tests.support.recipes import TINY
from tests.support.stores import execute, record_of

RUN = record_of()
SHORT = Options(reduced=ReducedRun(2, 600, 500), seeds=1, device="cpu")


def with_epoch(number: int, **changes: object):
    epochs = [replace(epoch, **changes) if epoch.epoch == number else epoch for epoch in RUN.epochs]
    return replace(RUN, epochs=tuple(epochs))


# --- the comparison


def test_the_same_numbers_are_equal_whatever_the_run_took():
    assert list(compare_runs(1, RUN, replace(RUN, seconds=99.0, device_name="another"))) == []


def test_one_bit_of_a_loss_is_named_with_its_run_epoch_number_then_and_now():
    (changed,) = compare_runs(2, RUN, with_epoch(3, test_loss=0.1 / 3 + 2**-57))
    assert (changed.run, changed.seed, changed.epoch, changed.name) == (2, 7, 3, "test_loss")
    assert float(changed.then) != float(changed.now) and abs(float(changed.then) - float(changed.now)) < 1e-15


def test_epochs_that_are_missing_and_another_end_are_named():
    broken = replace(RUN, epochs=RUN.epochs[:2], ended="The loss is not finite.")
    changed = list(compare_runs(1, RUN, broken))
    assert {(c.epoch, c.now) for c in changed[:-1]} == {(3, "none")}
    assert (changed[-1].epoch, changed[-1].then, changed[-1].now) == (0, "none", "The loss is not finite.")


# --- what may not be trained, and what is not as it was


def test_a_verdict_without_a_training_cannot_be_trained_again(store):
    grade_made_up(store, "ada", numbers=9_000)
    with pytest.raises(UsageError, match="'refused' rests on no training"):
        check_rerun(collect_evidence(store, "ada").verdict)
    with pytest.raises(UsageError, match="no verdict yet"):
        check_rerun(None)


def test_a_recipe_that_is_not_in_the_store_or_not_the_one_of_the_verdict_is_not_trained(store):
    grade_made_up(store, "ada", [[9_970] * 3])  # it keeps the spec under a hash that is not its own
    verdict = collect_evidence(store, "ada").verdict
    with pytest.raises(UsageError, match="not in the store"):
        check_rerun(replace(verdict, spec=""))
    with pytest.raises(GraderError, match="not the one of the verdict"):
        train_again(verdict, RecordingListener())
    with pytest.raises(GraderError, match="cannot be read"):
        train_again(replace(verdict, spec="{}"), RecordingListener())


def test_other_versions_and_another_processor_are_named_with_both_values(store, monkeypatch):
    grade_made_up(store, "ada", [[9_970] * 3])
    verdict = collect_evidence(store, "ada").verdict
    assert changed_conditions(verdict) == (f"processor: a processor then, {processor_name()} now",)
    torch = software_versions()["torch"]
    monkeypatch.setattr(rerun, "software_versions", lambda: software_versions() | {"torch": "9.9", "under8k": "9"})
    assert changed_conditions(verdict)[0] == f"torch: {torch} then, 9.9 now"
    assert len(changed_conditions(verdict)) == 2


# --- real trainings


@pytest.mark.training
@pytest.mark.usefixtures("warm")
def test_the_runs_of_a_verdict_come_out_equal_and_nothing_is_written_until_a_digit_was_changed(store, tmp_path):
    path = tmp_path / "recipe.py"
    path.write_text(TINY)
    grade(path, SHORT, RecordingListener(), store=store, student="ada")
    end, listener = store.chain_end(), RecordingListener()
    verdict = collect_evidence(store, "ada").verdict
    again = train_again(verdict, listener)
    assert again.is_equal and (again.runs, again.epochs, again.conditions) == (1, 2, ())
    assert store.chain_end() == end and [epoch.epoch for (epoch,) in listener.named("epoch")] == [1, 2]

    execute(store, "UPDATE epochs SET correct = correct + 1 WHERE epoch = 2")
    (changed,) = train_again(collect_evidence(store, "ada").verdict, RecordingListener()).changed
    assert (changed.run, changed.epoch, changed.name) == (1, 2, "correct")
    assert int(changed.then) == int(changed.now) + 1
