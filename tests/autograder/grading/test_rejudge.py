"""A verdict anew from stored runs is the one that grading again gives, and what only training can tell is left open."""

import datetime as dt
import itertools
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder.grading import rejudge
from autograder.grading.rejudge import GradeChanges
from autograder.store import open_store, results
from autograder.store.records import software_versions
from course.rules import judge, load_rules
from tests.support.changed_rules import changed_rules
from tests.support.judged_attempts import OPTIONS, grade_made_up
from tests.support.listeners import RecordingListener
from tests.support.recipes import REDUCED
from tests.support.stores import NOON

HIGH, NEARLY, LOW = [9_970] * 3, [9_935] * 3, [9_800] * 3
sqlite_alone = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


def changes(store, options=OPTIONS, **more):
    found = GradeChanges(store, options, **more).of(store.results.graded_attempts("challenge"))
    return {c.student: (c.before.result.verdict, c.after and c.after.result.verdict) for c in found}


def test_while_nothing_has_changed_nobody_is_judged_anew(store):
    grade_made_up(store, "ada", [HIGH])
    assert changes(store) == {} and changes(store, everything=True) == {"ada": ("pass", "pass")}


def test_a_changed_limit_judges_the_runs_that_are_stored_and_writes_nothing(store, change_rules):
    grade_made_up(store, "ada", [NEARLY] * 3)
    grade_made_up(store, "ben", [LOW])
    grade_made_up(store, "cyd", [HIGH])
    end = store.chain_end()
    change_rules(accuracy=0.993)
    assert changes(store) == {"ada": ("fail", "pass"), "ben": ("fail", "fail"), "cyd": ("pass", "pass")}
    (change, *_) = GradeChanges(store, OPTIONS).of(store.results.graded_attempts("challenge"))
    assert change.why == ("accuracy 0.994, now 0.993",) and change.missing == ""
    assert change.after.result.reasons[0].startswith("Run 1: accuracy held in epochs 1-3, at least 9,935 of 10,000")
    assert store.chain_end() == end


@sqlite_alone
def test_a_seed_that_was_never_trained_is_named_and_the_verdict_left_open(store, change_rules):
    grade_made_up(store, "ada", [[9_925] * 3])
    change_rules(accuracy=0.993)
    assert changes(store) == {"ada": ("fail", None)}
    (change,) = GradeChanges(store, OPTIONS).of(store.results.graded_attempts("challenge"))
    assert change.missing == "run 2" and change.replacements("x") == []


@sqlite_alone
def test_a_limit_of_parameters_needs_no_run_where_it_refuses_and_one_where_it_no_longer_does(store, change_rules):
    grade_made_up(store, "ada", [HIGH], numbers=7_500)
    grade_made_up(store, "ben", numbers=8_500)
    change_rules(max_parameters=7_000)
    assert changes(store) == {"ada": ("pass", "refused"), "ben": ("refused", "refused")}
    change_rules(max_parameters=9_000)
    assert changes(store) == {"ada": ("pass", "pass"), "ben": ("refused", None)}


@sqlite_alone
def test_what_broke_while_it_was_trained_depends_on_no_limit(store, change_rules):
    grade_made_up(store, "ada", [HIGH])
    before = store.results.latest("ada", "challenge")
    broken = replace(before.result, verdict="refused", reasons=("It is too slow.",), runs=())
    store.results.record_verdict(before.attempt_id, broken, load_rules("challenge"), (), options=OPTIONS.asked())
    change_rules(accuracy=0.99)
    assert changes(store) == {"ada": ("refused", "refused")}


@sqlite_alone
def test_other_training_software_leaves_every_verdict_open_with_the_reason(store, monkeypatch):
    grade_made_up(store, "ada", [HIGH])
    now = software_versions() | {"trainer": "99", "python": "4.0"}
    monkeypatch.setattr(rejudge, "software_versions", lambda: now)
    (change,) = GradeChanges(store, OPTIONS).of(store.results.graded_attempts("challenge"))
    assert change.after is None and change.missing == "all runs"
    assert change.why == (f"trainer {software_versions()['trainer']}, now 99",)


@sqlite_alone
def test_more_seeds_and_full_trainings_in_the_place_of_reduced_ones_are_reasons(store):
    grade_made_up(store, "ada", [NEARLY] * 3)
    grade_made_up(store, "ben", [[400] * 2], options=REDUCED)
    whys = {c.student: c.why for c in GradeChanges(store, OPTIONS).of(store.results.graded_attempts("challenge"))}
    assert whys == {"ben": (f"seeds {REDUCED.seeds}, now by the rules",
                            f"a reduced ({REDUCED.reduced}) training, now a full one")}  # fmt: skip
    assert changes(store, replace(OPTIONS, seeds=1))["ada"] == ("fail", "fail")


@sqlite_alone
def test_what_is_only_judged_anew_was_not_captured_under_the_conditions_of_now(store, change_rules, monkeypatch):
    grade_made_up(store, "ada", [HIGH])
    before = store.results.latest("ada", "challenge")
    change_rules(accuracy=0.99)
    (change,) = GradeChanges(store, OPTIONS).of([before])
    monkeypatch.setattr(results, "capture_conditions", lambda: pytest.fail("they are not those of now"))
    store.regrades.apply(change.replacements("x"), reason="x")
    assert store.results.first_capture(before.attempt_id, "bubblewrap", "after an update") is None
    assert store.results.latest("ada", "challenge").conditions == before.conditions


@sqlite_alone
def test_a_verdict_from_a_gpu_is_judged_anew_on_a_machine_without_one(store, change_rules):
    grade_made_up(store, "ada", [NEARLY] * 3)
    before = store.results.latest("ada", "challenge")
    asked = OPTIONS.asked().replace("cpu", "cuda")
    store.results.record_verdict(before.attempt_id, before.result, load_rules("challenge"), (), options=asked)
    change_rules(accuracy=0.999)
    (change,) = GradeChanges(store, OPTIONS).of(store.results.graded_attempts("challenge"))
    assert change.rejudged[0].options == asked


@pytest.mark.parametrize(("rule", "expected"), [("last", ("fail", "fail")), ("best", ("pass", "fail"))])
@sqlite_alone
def test_by_the_best_attempt_all_are_judged_anew_and_another_one_may_count(store, change_rules, rule, expected):
    grade_made_up(store, "ada", [HIGH], recipe="recipe = 1", numbers=7_500)
    grade_made_up(store, "ada", [LOW], recipe="recipe = 2", numbers=6_500, at=NOON + dt.timedelta(days=1))
    change_rules(attempts=rule)
    assert changes(store) == {}
    change_rules(attempts=rule, max_parameters=7_000)
    assert changes(store) == {"ada": expected}


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory):
    with open_store(str(tmp_path_factory.mktemp("store") / "results.db")) as opened:
        yield opened


CURVES = st.lists(st.integers(9_920, 9_960), min_size=2, max_size=4).map(lambda counts: [9_000, *counts])
NUMBERS = itertools.count()


@given(
    curves=st.lists(CURVES, min_size=3, max_size=3),
    accuracy=st.integers(9_925, 9_955),
    hold=st.integers(1, 3),
    seeds=st.sampled_from([1, 3]),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_any_limits_give_the_verdict_of_the_judge_or_name_the_run_that_is_missing(
    shared_store, curves, accuracy, hold, seeds
):
    student = f"student{next(NUMBERS)}"
    grade_made_up(shared_store, student, curves)
    attempts = shared_store.results.graded_attempts("challenge", student)
    trained = len(attempts[0].result.runs)
    with changed_rules(accuracy=accuracy / 10_000, hold=hold, seeds=seeds):
        (change,) = GradeChanges(shared_store, OPTIONS, everything=True).of(attempts)
        rules, used = load_rules("challenge"), 1
        while (judgement := judge(rules, curves[:used])).needs_another_seed:
            used += 1
    if used <= trained:
        assert (change.after.result.verdict, change.after.result.reasons) == (judgement.verdict, judgement.reasons)
    else:
        assert change.after is None and change.missing == f"run {trained + 1}"


@pytest.mark.training
@sqlite_alone
def test_grading_again_after_it_was_applied_says_the_same_and_adds_nothing(store, tiny, grade, change_rules):
    grade(tiny, REDUCED, RecordingListener(), store=store, student="ada")
    change_rules(accuracy=0.05, hold=1)
    (change,) = GradeChanges(store, REDUCED).of(store.results.graded_attempts("challenge"))
    store.regrades.apply(change.replacements("easier"), reason="easier")
    end = store.chain_end()
    assert grade(tiny, REDUCED, RecordingListener(), store=store, student="ada").verdict == "pass"
    assert store.chain_end() == end
    assert store.results.latest("ada", "challenge").result == change.after.result
