"""One bad submission, or one bug, never stops a class. Nothing is trained here: the results are given."""

import pytest

from autograder.batch import SubmissionFile, grading_worker
from autograder.batch.grading_worker import BatchStopped, GradingWorker
from autograder.grading.options import Options
from autograder.grading.recorder import TrainedElsewhere
from autograder.store import StoreError, open_store
from course.errors import GraderError
from tests.support.recipes import TINY
from tests.support.stores import result_of


@pytest.fixture
def grade(tmp_path, monkeypatch):
    """Let a worker grade one submission; each of `results` is what one try of the pipeline returns or raises."""
    path = tmp_path / "ada.py"
    path.write_text(TINY)

    def grade(*results):
        remaining = list(results)

        def next_result(*_, **__):
            result = remaining.pop(0)
            if isinstance(result, Exception):
                raise result
            return result

        monkeypatch.setattr(grading_worker, "grade", next_result)
        with open_store(str(tmp_path / "results.db")) as store:
            with GradingWorker(Options(device="cpu"), store, recipe_sandbox=None) as worker:
                outcome = worker.grade(SubmissionFile(path, "ada", "challenge"), listener=None)
            faults = [attempt.fault for attempt in store.overview.in_progress()]
        return outcome, faults, len(remaining)

    return grade


@pytest.mark.parametrize("verdict", ["internal", "error", "fail"])
def test_a_result_is_not_tried_again(grade, verdict):
    outcome, faults, unused = grade(result_of(verdict), result_of("pass"))
    assert (outcome.verdict, outcome.reasons, faults, unused) == (verdict, ("Because.",), [], 1)


def test_a_bug_is_an_outcome_that_says_how_to_find_it_and_the_store_knows(grade):
    outcome, faults, _ = grade(RuntimeError("a bug"))
    assert outcome.verdict == "internal"
    assert outcome.reasons[0].startswith("RuntimeError: a bug.") and "--no-store" in outcome.reasons[0]
    assert faults == list(outcome.reasons)


def test_an_error_of_the_grader_is_an_outcome_in_its_own_words(grade):
    outcome, faults, _ = grade(GraderError("The disk is on fire."))
    assert (outcome.verdict, outcome.reasons, faults) == (
        "internal",
        ("The disk is on fire.",),
        ["The disk is on fire."],
    )


@pytest.mark.parametrize("error", [StoreError("The disk is full."), TrainedElsewhere(7), BatchStopped()])
def test_what_concerns_the_whole_batch_is_raised(grade, error):
    with pytest.raises(type(error)):
        grade(error)
