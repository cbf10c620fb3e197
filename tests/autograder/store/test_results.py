"""Attempts and verdicts: recorded once, the newest valid, and the last or the best attempt counts."""

import datetime as dt
import hashlib
import json
from dataclasses import asdict, replace

import pytest

from autograder.store import SharedRecipe
from autograder.store.results import describe_changed_rules, rules_hash
from course.inspection.checks import inspect
from course.rules import Rules, load_rules
from tests.support.stores import NOON, hand_in, result_of, store_run

RULES = load_rules("challenge")


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


def test_one_recipe_of_several_students_is_shown(store, spec):
    inspected = replace(result_of(), inspection=inspect(spec))
    for student, result in (("bob", inspected), ("ada", inspected), ("eve", result_of())):
        attempt = store.results.record_attempt(student, "challenge", "x.py", "a" * 64, NOON)
        store.results.record_verdict(attempt, result, RULES, ())
    assert store.results.shared_recipes("challenge") == [SharedRecipe(spec.hash, ("ada", "bob"))]
    assert store.results.shared_recipes("lesson1_baseline") == []


def test_a_verdict_is_reused_only_for_the_same_rules_options_and_versions(store, key, spec):
    result = replace(result_of(), inspection=inspect(spec))
    attempt = store.results.record_attempt("ada", "challenge", "x.py", "a" * 64, NOON)
    run = store_run(store, key, spec)
    store.results.record_verdict(attempt, result, RULES, [run], options="seeds 3")
    assert store.results.reusable_verdict(attempt, RULES, "seeds 3", result.versions) == result
    assert store.results.reusable_verdict(attempt, RULES, "seeds 5", result.versions) is None
    assert store.results.reusable_verdict(attempt, replace(RULES, hold=3), "seeds 3", result.versions) is None
    assert store.results.reusable_verdict(attempt, RULES, "seeds 3", {"torch": "1.0"}) is None
    assert store.results.reusable_verdict(attempt + 1, RULES, "seeds 3", result.versions) is None


def test_rules_that_a_course_does_not_use_leave_the_hash_of_earlier_verdicts_as_it_was():
    first = {
        "assignment": "challenge",
        "max_parameters": 7999,
        "max_epochs": 15,
        "accuracy": 0.994,
        "hold": 2,
        "near": 0.001,
        "seeds": 3,
        "allow_leaks": False,
    }
    assert rules_hash(Rules(**first)) == hashlib.sha256(json.dumps(first, sort_keys=True).encode()).hexdigest()
    assert rules_hash(Rules(**first, forbid=("scheduler",))) != rules_hash(Rules(**first))


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ({}, {}, ""),
        ({"attempts": "best"}, {}, ""),
        ({}, {"forbid": ("scheduler",)}, "forbid [], now ['scheduler']"),
        ({"forbid": ["scheduler"]}, {}, "forbid ['scheduler'], now []"),
        ({"optimizers": ["SGD"]}, {"optimizers": ("SGD",)}, ""),
        ({"hold": 3}, {"optimizers": ("SGD",)}, "hold 3, now 2, optimizers None, now ['SGD']"),
    ],
)
def test_each_changed_rule_is_told_with_both_values(before, now, said):
    assert describe_changed_rules(asdict(RULES) | before, replace(RULES, **now)) == said


def test_which_attempt_counts_is_no_part_of_what_a_verdict_depends_on():
    assert rules_hash(RULES) == rules_hash(replace(RULES, attempts="best")) != rules_hash(replace(RULES, hold=3))
