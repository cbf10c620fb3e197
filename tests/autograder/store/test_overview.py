"""What the leaderboard reads: everything once, then only what has come since."""

from datetime import timedelta
from pathlib import Path

import pytest

from autograder.batch.local import register_all
from autograder.batch.submissions import SubmissionFile
from autograder.grading.pipeline import grade
from autograder.grading.recorder import register
from autograder.leaderboard.class_state import ClassState
from autograder.leaderboard.settings import Settings
from autograder.store import AttemptInProgress, Cursor, StoreError
from course.errors import GraderError
from course.rules import load_rules
from tests.autograder.grading.test_pipeline import Silent
from tests.autograder.store.test_store import REDUCED, key, recipe_sandbox, spec, store, tiny  # noqa: F401 - fixtures
from tests.support.stores import EPOCHS, NOON, execute, hand_in, record_of, result_of, store_run

ONE_HOUR = timedelta(hours=1)


def waiting(store, student="ada") -> int:
    return store.results.record_attempt(student, "challenge", "x.py", "b" * 64, NOON, "recipe = 1")


def test_everything_is_told_once(store, key, spec):
    run = store_run(store, key, spec)
    first, second = hand_in(store, "ada", run_ids=[run]), waiting(store, "bob")
    mark, seen = store.overview.since()
    assert [(s.attempt_id, s.student, s.verdict) for s in seen] == [(first, "ada", "pass"), (second, "bob", "")]
    (trained,) = seen[0].runs
    assert (trained.id, trained.correct, trained.total) == (run, tuple(e.correct for e in EPOCHS), 500)
    assert seen[0].handed_in == NOON and seen[0].reasons == ("Because.",)
    assert store.overview.since(mark) == (mark, [])


def test_a_new_attempt_and_a_new_verdict_are_told_alone(store):
    hand_in(store, "ada")
    attempt = waiting(store, "bob")
    mark, _ = store.overview.since()
    store.results.record_verdict(attempt, result_of("fail"), load_rules("challenge"), ())
    mark, seen = store.overview.since(mark)
    assert [(s.student, s.verdict) for s in seen] == [("bob", "fail")]
    hand_in(store, "cyd", source_hash="c" * 64, at=NOON + ONE_HOUR)
    assert [s.student for s in store.overview.since(mark)[1]] == ["cyd"]
    assert len(store.overview.since(Cursor())[1]) == 3


def test_an_attempt_waits_trains_epoch_by_epoch_and_is_done(store, key, spec):
    attempt = waiting(store)
    assert store.overview.in_progress() == []
    with store.claims.take(key, spec) as claim:
        store.results.mark_training(attempt, claim.run_id, 15)
        assert store.overview.in_progress() == [AttemptInProgress(attempt, 0, 15)]
        claim.save(EPOCHS[0], b"state")
        assert store.overview.in_progress() == [AttemptInProgress(attempt, 1, 15)]
        claim.finish(record_of(EPOCHS[:1]))
    store.results.record_verdict(attempt, result_of(), load_rules("challenge"), [claim.run_id])
    assert store.overview.in_progress() == []


def test_a_run_that_nobody_trains_any_more_is_waiting_again(store, key, spec):
    attempt = waiting(store)
    with pytest.raises(RuntimeError), store.claims.take(key, spec) as claim:
        store.results.mark_training(attempt, claim.run_id, 15)
        raise RuntimeError
    assert store.overview.in_progress() == []


def test_a_fault_of_ours_is_told_until_the_attempt_is_taken_up_again(store, key, spec):
    attempt = waiting(store)
    store.results.mark_internal_error(attempt, "The disk is full.")
    assert store.overview.in_progress() == [AttemptInProgress(attempt, fault="The disk is full.")]
    with store.claims.take(key, spec) as claim:
        store.results.mark_training(attempt, claim.run_id, 3)
        assert store.overview.in_progress() == [AttemptInProgress(attempt, 0, 3)]


def test_a_grading_leaves_its_source_and_its_mistakes_and_nothing_under_way(store, tiny, recipe_sandbox, monkeypatch):
    result = grade(tiny, REDUCED, Silent(), recipe_sandbox, store, "ada")
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
    assert grade(tiny, REDUCED, Silent(), recipe_sandbox, store, "ada").verdict == "internal"
    (fault,) = store.overview.in_progress()
    assert "on fire" in fault.fault and fault.attempt_id != seen.attempt_id


def test_a_class_is_in_the_store_before_the_first_of_it_is_graded(store, tmp_path):
    submissions = []
    for student in ("ada", "bob"):
        path = tmp_path / f"{student}.py"
        path.write_text(f"recipe = {student!r}")
        submissions.append(SubmissionFile(path, student, "challenge"))
    submissions.append(SubmissionFile(Path(tmp_path, "missing.py"), "eve", "challenge"))
    register_all(submissions, store)
    register_all(submissions, store)
    assert [(s.student, s.verdict) for s in store.overview.since()[1]] == [("ada", ""), ("bob", "")]


def test_one_students_file_or_date_does_not_stop_the_class(store, tmp_path):
    course = tmp_path / "submitted"
    for student, name in (("ada", "ada.py"), ("bob", b"r\xff.py".decode(errors="surrogateescape")), ("cyd", "cyd.py")):
        folder = course / student / "challenge"
        folder.mkdir(parents=True)
        (folder / name).write_text("recipe = 1")
    (course / "cyd" / "challenge" / "timestamp.txt").write_text("0001-01-01 00:00:00+14:00")
    submissions = [SubmissionFile(path, path.parts[-3], "challenge") for path in sorted(course.glob("*/*/*.py"))]
    register_all(submissions, store)
    assert sorted(s.student for s in store.overview.since()[1]) == ["ada", "bob", "cyd"]


@pytest.mark.parametrize("table, column", [("sources", "text = 'innocent'"), ("mistakes", "wrong = '[]'")])
def test_what_was_edited_is_not_shown(store, key, spec, table, column):
    run = store_run(store, key, spec)
    attempt = hand_in(store, "ada", run_ids=[run])
    assert store.overview.misclassified(run) == [(3, 8), (17, 1)] and store.overview.source(attempt)
    execute(store, f"UPDATE {table} SET {column}")
    with pytest.raises(GraderError, match="autograder verify"):
        store.overview.source(attempt) if table == "sources" else store.overview.misclassified(run)


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
    say = "autograder.workers.client.Worker.say"
    from autograder.workers.client import Worker

    original = Worker.say
    monkeypatch.setattr(say, lambda self, message: (told.append((self.name, message)), original(self, message))[1])
    grade(tiny, REDUCED, Silent(), recipe_sandbox, store, "ada")
    scores = [message for name, message in told if name == "trainer" and isinstance(message, Scored)]
    assert len(scores) == REDUCED.reduced.epochs and all(message.wrong == () for message in scores)


# --- the class in memory


@pytest.fixture
def classroom(store):
    return ClassState(store, Settings())


def names(classroom) -> set[str]:
    return {row.name for row in classroom.table("challenge").rows if not row.baseline}


@pytest.mark.parametrize("what", ["since", "in_progress"])
def test_a_look_that_fails_half_way_loses_nobody(store, classroom, monkeypatch, what):
    hand_in(store, "ada")
    classroom.refresh()
    start, before = classroom.start, names(classroom)
    hand_in(store, "bob")

    def away(*_):
        raise StoreError("The database is away.")

    with monkeypatch.context() as patched:
        patched.setattr(store.overview, what, away)
        with pytest.raises(StoreError):
            classroom.refresh()
    classroom.refresh()
    assert names(classroom) == before | {"bob"} and classroom.start > start


def test_where_nothing_is_handed_in_a_second_look_changes_nothing(classroom):
    classroom.refresh()
    before = classroom.table("challenge").version
    assert classroom.table("challenge").rows  # the baselines
    classroom.refresh()
    assert classroom.table("challenge").version == before


def test_an_assignment_without_rules_is_left_out(store, classroom):
    hand_in(store, "ada")
    old = store.results.record_attempt("bob", "lesson0_of_last_year", "x.py", "d" * 64, NOON)
    store.results.mark_internal_error(old, "Nobody knows.")
    classroom.refresh()
    assert names(classroom) == {"ada"} and classroom.attempt(old) is None and classroom.newest() == "challenge"
    assert "lesson0_of_last_year" not in classroom.counts()
