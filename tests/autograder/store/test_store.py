"""What the store promises: nothing twice, nothing lost, nothing changed unseen; on SQLite and on a real PostgreSQL."""

import datetime as dt
import subprocess
import sys
from dataclasses import replace

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from autograder.grading.options import Options, ReducedRun
from autograder.grading.pipeline import grade
from autograder.grading.recipe_sandbox import RecipeSandbox
from autograder.sandbox import best_tier
from autograder.store import Claim, ClaimLost, Regrade, RunBusy, RunFinished, RunKey, StoreError, open_store, owners
from autograder.store.models import Base
from autograder.store.secret import SECRET_VARIABLE
from course.capture import capture
from course.errors import GraderError, UsageError
from course.rules import load_rules
from tests.autograder.grading.test_pipeline import Silent, recipe_of
from tests.support.recipes import TINY
from tests.support.stores import EPOCHS, NOON, execute, hand_in, record_of, result_of, store_run

REDUCED = Options(reduced=ReducedRun(epochs=3, train_images=1000, test_images=500), seeds=1, device="cpu")


@pytest.fixture
def store(store_url):
    with open_store(store_url, retry_seconds=5) as opened:
        yield opened


@pytest.fixture(scope="module")
def spec():
    return capture(recipe_of(TINY))


@pytest.fixture
def key(spec):
    return RunKey(spec.hash, 7, "cpu", 1, "trainer 1", "")


@pytest.fixture(scope="module")
def recipe_sandbox():
    with RecipeSandbox(best_tier(), warm=True) as opened:
        yield opened


@pytest.fixture
def tiny(tmp_path):
    path = tmp_path / "tiny.py"
    path.write_text(TINY)
    return path


# --- opening


def test_the_models_say_what_the_migrations_make(store):
    with store._database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_of_many_who_open_a_new_store_at_once_all_find_it_whole(store_url):
    code = "import sys; from autograder.store import open_store; print(open_store(sys.argv[1]).chain_end()[0])"
    openers = [
        subprocess.Popen([sys.executable, "-c", code, store_url], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    said = [opener.communicate(timeout=120) for opener in openers]
    assert [out for out, _ in said] == [b"0\n"] * 4, said


def test_a_store_of_another_course_is_not_mixed_with_ours(store_url, monkeypatch):
    open_store(store_url).close()
    monkeypatch.setenv(SECRET_VARIABLE, "another")
    with pytest.raises(UsageError, match="another course secret"):
        open_store(store_url)


def test_a_store_from_a_newer_version_is_left_alone(store, store_url):
    execute(store, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(UsageError, match="newer version"):
        open_store(store_url)


@pytest.mark.parametrize(
    ("url", "fragment"),
    [("mysql://a/b", "cannot be kept in mysql"), ("nonsense://", "cannot be kept"), ("sqlite://", "would be lost")],
)
def test_a_url_that_cannot_be_used_is_told_why(url, fragment):
    with pytest.raises(UsageError, match=fragment):
        open_store(url)


def test_a_password_is_never_shown():
    with pytest.raises(StoreError) as told:
        open_store("postgresql://grader:open-sesame@127.0.0.1:1/course")
    assert "sesame" not in str(told.value) and "127.0.0.1:1" in str(told.value)


# --- runs


def test_a_run_is_read_as_it_was_kept_digit_for_digit(store, key, spec):
    run_id = store_run(store, key, spec)
    assert store.claims.take(key, spec) == RunFinished(run_id, record_of())


@pytest.mark.parametrize(
    "other", [{"seed": 8}, {"device": "cuda"}, {"threads": 2}, {"trainer": "trainer 2"}, {"reduced": "1/600/200"}]
)
def test_what_changes_the_numbers_is_another_run(store, key, spec, other):
    store_run(store, key, spec)
    assert isinstance(store.claims.take(replace(key, **other), spec), Claim)


def test_while_one_trains_a_run_others_are_told_so(store, key, spec):
    with store.claims.take(key, spec) as claim:
        busy = store.claims.take(key, spec)
        assert isinstance(busy, RunBusy) and busy.run_id == claim.run_id
        assert store.claims.is_busy(claim.run_id)
    assert not store.claims.is_busy(claim.run_id)


def test_a_run_goes_on_after_its_last_finished_epoch(store, key, spec):
    with store.claims.take(key, spec) as claim:
        claim.save(EPOCHS[0], b"one")
        claim.save(EPOCHS[1], b"two")
    with store.claims.take(key, spec) as claim:
        kept = claim.load()
    assert (kept.epochs, kept.state) == (tuple(EPOCHS[:2]), b"two")


def test_an_owner_that_fell_silent_loses_the_run_and_can_keep_nothing_more(store, key, spec):
    with store.claims.take(key, spec) as slow:
        slow.save(EPOCHS[0], b"one")
        execute(store, f"UPDATE runs SET beat = beat - {owners.STALE_SECONDS + 1}")
        with store.claims.take(key, spec) as other:
            assert other.load().epochs == (EPOCHS[0],)
            for attempt in (lambda: slow.save(EPOCHS[1], b"late"), lambda: slow.finish(record_of())):
                with pytest.raises(ClaimLost):
                    attempt()
            other.save(EPOCHS[1], b"two")
            other.save(EPOCHS[2], b"three")
            other.finish(record_of())
    assert isinstance(store.claims.take(key, spec), RunFinished)


def test_the_run_of_a_killed_process_is_taken_over_at_once(store, store_url, key, spec):
    code = (
        "import os, sys, signal; from autograder.store import *; from course.spec import Spec\n"
        "spec = Spec.from_json(sys.stdin.read())\n"
        "claim = open_store(sys.argv[1]).claims.take(RunKey(spec.hash, 7, 'cpu', 1, 'trainer 1', ''), spec)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, store_url], input=spec.to_json().encode(), check=False)
    assert killed.returncode == -9
    assert isinstance(store.claims.take(key, spec), Claim)


def test_keeping_an_epoch_twice_is_keeping_it_once(store, key, spec):
    with store.claims.take(key, spec) as claim:
        claim.save(EPOCHS[0], b"one")
        claim.save(EPOCHS[0], b"one")
    assert list(store.verify()) == []


def test_an_epoch_that_comes_out_differently_when_repeated_is_not_passed_over(store, key, spec):
    with store.claims.take(key, spec) as claim:
        claim.save(EPOCHS[0], b"one")
        with pytest.raises(GraderError, match="gave another result"):
            claim.save(replace(EPOCHS[0], correct=400), b"one")


def test_training_again_is_another_run_with_its_reason_once(store, key, spec):
    store_run(store, key, spec)
    again = Regrade("the machine was faulty", dt.datetime.now(dt.UTC))
    with store.claims.take(key, spec, again) as claim:
        assert claim.load().epochs == ()
        for epoch in EPOCHS:
            claim.save(epoch, b"state")
        claim.finish(record_of())
    assert store.claims.take(key, spec, again) == RunFinished(claim.run_id, record_of())
    assert store.claims.take(key, spec) == RunFinished(claim.run_id, record_of())


# --- attempts and verdicts


def test_the_last_or_the_best_attempt_counts(store, key, spec):
    run = store_run(store, key, spec)
    for day, verdict in enumerate(["fail", "pass", "fail"]):
        hand_in(store, "ada", str(day) * 64, NOON + dt.timedelta(days=day), verdict, [run])
    hand_in(store, "bob", verdict="refused")
    last, best = store.results.latest("ada", "challenge"), store.results.counting_attempts("challenge", "best")[0]
    assert (last.number, last.attempts, last.result.verdict) == (3, 3, "fail")
    assert (best.number, best.handed_in, best.result.verdict) == (2, NOON + dt.timedelta(days=1), "pass")
    assert [(g.student, g.result.verdict) for g in store.results.counting_attempts("challenge", "best")] == [
        ("ada", "pass"),
        ("bob", "refused"),
    ]
    assert store.results.latest("eve", "challenge") is None
    assert len(store.results.graded_attempts("challenge")) == 4


def test_handing_in_the_same_recipe_again_is_no_further_attempt(store):
    first = hand_in(store, "ada")
    assert hand_in(store, "ada", at=NOON + dt.timedelta(days=1)) == first
    assert hand_in(store, "ada", "b" * 64, NOON + dt.timedelta(days=2)) != first
    back = hand_in(store, "ada", at=NOON + dt.timedelta(days=3))
    assert back != first and store.results.latest("ada", "challenge").number == 3
    assert hand_in(store, "ada") == first


def test_the_same_verdict_is_kept_once_and_a_changed_one_counts_at_once(store):
    attempt = hand_in(store, "ada")
    records = store.chain_end()[0]
    hand_in(store, "ada")
    assert store.chain_end()[0] == records
    rules = load_rules("challenge")
    for verdict in ("fail", "pass", "fail"):
        store.results.record_verdict(attempt, result_of(verdict), replace(rules, seeds=5), ())
        assert store.results.latest("ada", "challenge").result.verdict == verdict


def test_one_recipe_of_several_students_is_shown(store, tiny, recipe_sandbox):
    for student in ("bob", "ada"):
        grade(tiny, REDUCED, Silent(), recipe_sandbox, store, student)
    assert [shared.students for shared in store.results.shared_recipes("challenge")] == [("ada", "bob")]
    assert store.results.shared_recipes("lesson1_baseline") == []


# --- grading


def test_a_second_grading_is_answered_from_the_store_without_training(store, tiny, recipe_sandbox):
    first = grade(tiny, REDUCED, Silent(), recipe_sandbox, store, "ada")
    listener = Silent()
    assert grade(tiny, REDUCED, listener, recipe_sandbox, store, "bob") == first
    assert [h for h in listener.heard if h[0] in ("run_started", "epoch")] == []
    assert [g.result for g in store.results.graded_attempts()] == [first, first]
    assert list(store.verify()) == []


def test_an_attempt_that_has_its_verdict_is_believed_until_something_changes(store, tiny, recipe_sandbox):
    first = grade(tiny, REDUCED, Silent(), recipe_sandbox, store, "ada")
    assert grade(tiny, REDUCED, Silent(), None, store, "ada", reuse_verdict=True) == first
    heard = []
    for options, student in ((replace(REDUCED, seeds=2), "ada"), (REDUCED, "bob")):
        listener = Silent()
        grade(tiny, options, listener, recipe_sandbox, store, student, reuse_verdict=True)
        heard.append(next(h[1] for h in listener.heard if h[0] == "stage"))
    assert heard == ["running the recipe in the sandbox"] * 2


def test_a_changed_rule_judges_the_runs_that_are_there(store, tiny, recipe_sandbox, monkeypatch):
    assert grade(tiny, REDUCED, Silent(), recipe_sandbox, store, "ada").verdict == "fail"
    easy = replace(load_rules("challenge"), accuracy=0.1)
    monkeypatch.setattr("autograder.grading.pipeline.load_rules", lambda name: easy)
    listener = Silent()
    assert grade(tiny, REDUCED, listener, recipe_sandbox, store, "ada").verdict == "pass"
    assert [h for h in listener.heard if h[0] == "run_started"] == []
    assert store.results.latest("ada", "challenge").result.verdict == "pass"
    assert len(store.results.graded_attempts()) == 1


def test_our_own_fault_changes_nobodys_result(store, tiny, recipe_sandbox, monkeypatch):
    before = grade(tiny, REDUCED, Silent(), recipe_sandbox, store, "ada")

    def broken(*_, **__):
        raise GraderError("The disk is on fire.")

    monkeypatch.setattr("autograder.grading.pipeline.train_once", broken)
    other = replace(REDUCED, reduced=replace(REDUCED.reduced, epochs=2))
    assert grade(tiny, other, Silent(), recipe_sandbox, store, "ada").verdict == "internal"
    assert store.results.latest("ada", "challenge").result == before


# --- tampering

EDITS = {
    "an edited accuracy": "UPDATE epochs SET correct = 499 WHERE epoch = 3",
    "a verdict turned round": "UPDATE verdicts SET verdict = 'pass'",
    "an earlier time of hand-in": "UPDATE attempts SET handed_in = '2026-01-01 00:00:00.000000'",
    "another student's name": "UPDATE submissions SET student = 'eve' WHERE student = 'ada'",
    "a run from a better seed": "UPDATE runs SET seed = 8",
    "a deleted epoch": "DELETE FROM epochs WHERE epoch = 2",
    "an epoch and its link deleted": "DELETE FROM epochs WHERE epoch = 2; DELETE FROM chain WHERE name = 'epochs' "
    "AND key LIKE '%/2'",
    "epochs in another order": "UPDATE epochs SET epoch = epoch + 10; UPDATE epochs SET epoch = 14 - epoch",
    "links in another order": "UPDATE chain SET number = number + 100 WHERE number IN (4, 5); "
    "UPDATE chain SET number = 109 - number WHERE number > 100",
    "the last records cut off": "DELETE FROM verdict_runs; DELETE FROM chain WHERE number = (SELECT max(number) "
    "FROM chain)",
    "a seal that was made up": "UPDATE head SET seal = mac",
    "a recipe that was never handed in": "UPDATE sources SET text = 'recipe = None'",
    "mistakes made fewer": "UPDATE mistakes SET wrong = '[]'",
    "an epoch added by hand": "INSERT INTO epochs SELECT run_id, 4, learning_rate, train_loss, train_correct, "
    'train_total, test_loss, 499, test_total, "by", finished FROM epochs WHERE epoch = 3',
}


@pytest.fixture
def filled(store, key, spec):
    run = store_run(store, key, spec)
    hand_in(store, "ada", run_ids=[run], verdict="fail")
    assert list(store.verify()) == []
    return store


@pytest.mark.parametrize("edit", EDITS)
def test_tampering_is_found(filled, edit):
    for statement in EDITS[edit].split("; "):
        execute(filled, statement)
    assert list(filled.verify()) != []


@pytest.mark.parametrize("edit", ["an edited accuracy", "a deleted epoch", "a run from a better seed"])
def test_nothing_is_answered_from_a_record_that_was_edited(filled, key, spec, edit):
    for statement in EDITS[edit].split("; "):
        execute(filled, statement)
    asked = replace(key, seed=8) if "seed" in edit else key
    with pytest.raises(GraderError, match="autograder verify"):
        filled.claims.take(asked, spec)


def test_an_older_copy_in_the_stores_place_is_found_by_its_noted_end(filled, tmp_path):
    _, end = filled.chain_end()
    hand_in(filled, "bob")
    assert list(filled.verify(end)) == []
    assert "older copy" in " ".join(filled.verify("f" * 64))
