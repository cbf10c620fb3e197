"""The rule, on integers: streaks, verdicts, and what is refused before training."""

from __future__ import annotations

from dataclasses import replace
from decimal import ROUND_CEILING, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.errors import UsageError
from course.inspection.record import Choices, Inspection, Part, StepCost
from course.rules import assignments, first_epoch_remarks, held_level, judge, load_rules, longest_streak, refusals
from course.training.results import EpochResult

CHALLENGE = load_rules("challenge")
counts = st.lists(st.integers(9_936, 9_944), max_size=20)


def run_that_holds(level: int) -> list[int]:
    """A run of 15 epochs that holds `level` for two epochs, and less elsewhere."""
    return [9_800] * 6 + [level, level + 20] + [9_800] * 6 + [level + 30]


@given(counts, st.integers(9_936, 9_944))
def test_the_longest_streak_is_the_longest_stretch_at_or_above_what_is_needed(correct, needed):
    stretches = [
        (first, last)
        for first in range(len(correct))
        for last in range(first, len(correct))
        if all(c >= needed for c in correct[first : last + 1])
    ]
    found = longest_streak(correct, needed)
    if not stretches:
        assert found is None
    else:
        first, last = max(stretches, key=lambda s: (s[1] - s[0], s[1]))
        assert (found.first, found.last, len(found)) == (first + 1, last + 1, last - first + 1)
        assert found.lowest == min(correct[first : last + 1])


@given(counts, st.integers(1, 5), st.integers(9_936, 9_944))
def test_a_level_is_held_exactly_when_a_streak_at_it_is_long_enough(correct, hold, needed):
    streak = longest_streak(correct, needed)
    assert (held_level(correct, hold) >= needed) == (streak is not None and len(streak) >= hold)


@given(st.integers(1, 1_000_000))
def test_needed_is_the_least_count_that_reaches_the_accuracy(total):
    for assignment in assignments():
        rules = load_rules(assignment)
        exact = Decimal(str(rules.accuracy)) * total
        assert rules.needed(total) == int(exact.to_integral_value(ROUND_CEILING))


def test_needed_of_ten_thousand_is_9940_in_the_challenge():
    assert CHALLENGE.needed() == CHALLENGE.needed(10_000) == 9_940
    assert CHALLENGE.needed(2_000) == 1_988


def test_9940_in_two_consecutive_epochs_passes_and_9939_fails():
    assert judge(CHALLENGE, [[9_940, 9_940]], seeds=1).verdict == "pass"
    assert judge(CHALLENGE, [[9_939, 9_940]], seeds=1).verdict == "fail"
    assert judge(CHALLENGE, [[9_940, 9_939, 9_940]], seeds=1).verdict == "fail"
    assert judge(CHALLENGE, [[9_940]], seeds=1).verdict == "fail"
    assert judge(CHALLENGE, [[]], seeds=1).verdict == "fail"


@pytest.mark.parametrize(("level", "verdict"), [(9_951, "pass"), (9_929, "fail"), (0, "fail"), (10_000, "pass")])
def test_a_clear_first_run_decides_alone(level, verdict):
    judgement = judge(CHALLENGE, [run_that_holds(level)] if level < 9_970 else [[level] * 2])
    assert (judgement.verdict, judgement.needs_another_seed, judgement.seeds_disagree) == (verdict, False, False)


@pytest.mark.parametrize("level", [9_930, 9_939, 9_940, 9_950])
def test_a_near_first_run_asks_for_another_seed(level):
    assert judge(CHALLENGE, [run_that_holds(level)]).needs_another_seed


NEAR_PASS, NEAR_FAIL = run_that_holds(9_945), run_that_holds(9_935)


@pytest.mark.parametrize(
    ("runs", "verdict", "split", "more"),
    {
        "two agree to pass": ([NEAR_PASS, NEAR_PASS], "pass", False, False),
        "two agree to fail": ([NEAR_FAIL, NEAR_FAIL], "fail", False, False),
        "one each": ([NEAR_PASS, NEAR_FAIL], "borderline", True, True),
        "two to one for": ([NEAR_FAIL, NEAR_PASS, NEAR_PASS], "pass", True, False),
        "two to one against": ([NEAR_PASS, NEAR_FAIL, NEAR_FAIL], "fail", True, False),
        "a clear later run counts as one": ([NEAR_PASS, run_that_holds(9_800), NEAR_PASS], "pass", True, False),
    }.values(),
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_the_majority_of_three_near_runs_decides_and_a_split_is_shown(runs, verdict, split, more):
    judgement = judge(CHALLENGE, runs)
    assert (judgement.verdict, judgement.seeds_disagree, judgement.needs_another_seed) == (verdict, split, more)


def test_a_tie_of_two_seeds_is_borderline():
    judgement = judge(CHALLENGE, [NEAR_PASS, NEAR_FAIL], seeds=2)
    assert (judgement.verdict, judgement.seeds_disagree, judgement.needs_another_seed) == ("borderline", True, False)


@given(st.lists(counts.filter(bool), min_size=1, max_size=5), st.integers(1, 5))
def test_judging_ends_after_the_last_seed_and_gives_a_reason_for_every_run(runs, seeds):
    judgement = judge(CHALLENGE, runs, seeds=seeds)
    assert len(judgement.reasons) >= len(runs)
    assert not (judgement.needs_another_seed and len(runs) >= seeds)
    assert judgement.needs_another_seed <= (judgement.verdict == "borderline")


def test_reasons_name_the_epochs_the_count_and_what_is_needed():
    (reason,) = judge(CHALLENGE, [run_that_holds(9_951)]).reasons
    assert "epochs 7-8" in reason and "9,951 of 10,000" in reason and "9,940 of 10,000" in reason
    (reason,) = judge(CHALLENGE, [run_that_holds(9_925)]).reasons
    assert "best 9,955 of 10,000 (99.55%) in epoch 15" in reason


def test_a_streak_of_one_epoch_is_asked_for_and_told_in_the_singular():
    rules = replace(CHALLENGE, hold=1, max_epochs=1)
    assert "At most 7,999 parameters and 1 epoch; 99.40% held for 1 epoch." in rules.describe()
    (reason,) = judge(rules, [[9_900, 9_951, 9_900]]).reasons
    assert "accuracy held in epoch 2, at least 9,951" in reason and reason.endswith("(99.40%) for 1 epoch.")


def test_an_accuracy_that_was_never_held_for_two_epochs_is_told_as_such():
    assert "accuracy reached in single epochs only; best" in judge(CHALLENGE, [[9_950, 9_930, 9_945]]).reasons[0]
    assert "accuracy reached in no epoch; best" in judge(CHALLENGE, [[9_930, 9_930, 9_930]]).reasons[0]
    three = replace(CHALLENGE, hold=3)
    assert "accuracy reached 2 epochs in a row; best" in judge(three, [[9_950, 9_945, 9_930]]).reasons[0]


def test_fewer_seeds_than_the_rules_train_near_the_limit_are_told():
    assert judge(CHALLENGE, [NEAR_PASS], seeds=1).short_of_seeds
    assert judge(CHALLENGE, [NEAR_PASS, NEAR_FAIL], seeds=2).short_of_seeds
    assert not judge(CHALLENGE, [run_that_holds(9_980)], seeds=1).short_of_seeds  # clear
    assert not judge(CHALLENGE, [NEAR_PASS, NEAR_PASS], seeds=2).short_of_seeds  # a majority of three
    assert not judge(CHALLENGE, [NEAR_PASS, NEAR_FAIL, NEAR_PASS]).short_of_seeds


DIVERGED = "Training diverged in epoch 2, step 41, at learning rate 0.3: the loss is no longer finite."


def test_a_run_that_broke_off_has_held_nothing_and_its_reason_says_why_once():
    judgement = judge(CHALLENGE, [[9_960]], ended=[DIVERGED])
    assert judgement.verdict == "fail" and not judgement.needs_another_seed
    assert judgement.reasons == (f"Run 1: {DIVERGED}",)
    assert judge(CHALLENGE, [[9_960, 9_960, 9_960]], ended=[DIVERGED]).verdict == "fail"


def test_a_later_run_that_broke_off_counts_as_one_vote_against():
    judgement = judge(CHALLENGE, [NEAR_PASS, [], NEAR_PASS], ended=["", DIVERGED, ""])
    assert (judgement.verdict, judgement.seeds_disagree) == ("pass", True)
    first, second, third, agreement = judgement.reasons
    assert second == f"Run 2: {DIVERGED}"
    assert first.startswith("Run 1: accuracy held") and third.startswith("Run 3: accuracy held")
    assert agreement == "The seeds did not agree: 2 of 3 held the accuracy. The majority decides."


def test_a_tie_says_that_there_is_no_majority():
    assert judge(CHALLENGE, [NEAR_PASS, NEAR_FAIL], seeds=2).reasons[-1].endswith("There is no majority.")


def test_judging_needs_a_run():
    with pytest.raises(ValueError, match="at least one run"):
        judge(CHALLENGE, [])


def test_an_unknown_assignment_is_answered_with_the_known_ones():
    with pytest.raises(UsageError, match=r"lesson1_baseline.*challenge"):
        load_rules("lesson9")


def inspection(**changes) -> Inspection:
    usual = Inspection(
        spec_hash="0" * 64,
        parts=(Part("parameter", "the tensor 'a'", 7_999),),
        layers=(),
        work=StepCost(0, 0, 0),
        epochs=15,
        batch_size=128,
        problems=(),
        leaks=(),
    )
    return replace(usual, **changes)


def test_a_recipe_at_the_limits_is_not_refused():
    assert refusals(CHALLENGE, inspection()) == []


def test_one_parameter_or_one_epoch_more_is_refused_with_the_numbers():
    hidden = Part("buffer", "the tensor 'hidden', which is not a parameter", 1)
    (parameters,) = refusals(CHALLENGE, inspection(parts=(*inspection().parts, hidden)))
    assert parameters == (
        "parameters: 8,000 counted, fewer than 8,000 allowed: 7,999 in layers + 1 in the tensor 'hidden', "
        "which is not a parameter."
    )
    (epochs,) = refusals(CHALLENGE, inspection(epochs=16))
    assert "asks for 16, and 15 are allowed" in epochs


def test_a_leak_is_refused_unless_the_rules_allow_it_and_a_problem_always():
    found = inspection(leaks=("a leak",), problems=("a problem",))
    assert refusals(CHALLENGE, found) == ["a leak", "a problem"]
    assert refusals(replace(CHALLENGE, allow_leaks=True), found) == ["a problem"]


CHOICES = Choices(
    transforms=("RandomApply", "RandomRotation", "ToTensor", "Normalize"),
    random_transforms=("RandomApply", "RandomRotation"),
    optimizer="Adam",
    has_schedule=True,
    label_smoothing=0.1,
    clip_norm=1.0,
    average_decay=0.999,
)


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (
            {"forbid": ("augmentation",)},
            "augmentation: RandomApply, RandomRotation changes the training images by chance",
        ),
        ({"forbid": ("scheduler",)}, "scheduler: this assignment allows none."),
        (
            {"forbid": ("label_smoothing",)},
            "label_smoothing: this assignment allows no smoothed labels. Leave `label_smoothing` out of the recipe.",
        ),
        ({"forbid": ("clip_norm",)}, "clip_norm: this assignment allows no clipped gradients. Leave `clip_norm` out"),
        ({"forbid": ("average",)}, "average: this assignment allows no averaged weights. Leave `average` out"),
        ({"optimizers": ("SGD", "AdamW")}, "optimizer: Adam is not among those that are allowed here: SGD, AdamW."),
        ({"transforms": ("ToTensor", "Normalize", "RandomApply")}, "transforms: RandomRotation is not among those"),
        ({"transforms": ()}, "transforms: RandomApply, RandomRotation, ToTensor, Normalize is not among"),
    ],
)
def test_what_an_assignment_does_not_allow_is_refused_and_named_and_nothing_else(rule, sentence):
    rules = replace(CHALLENGE, **rule)
    (reason,) = refusals(rules, inspection(choices=CHOICES))
    assert reason.startswith(sentence) and rules.restricts_choices
    allowed = Choices(("Compose",), (), "SGD", has_schedule=False)
    assert refusals(rules, inspection(choices=allowed)) == []


def test_without_such_rules_every_choice_is_free():
    assert refusals(CHALLENGE, inspection(choices=CHOICES)) == [] and not CHALLENGE.restricts_choices


def test_no_assignment_allows_a_leak():
    assert not any(load_rules(assignment).allow_leaks for assignment in assignments())


# --- a first epoch that is too good


def epoch(correct: int, train_correct: int) -> EpochResult:
    return EpochResult(1, 0.01, 0.1, train_correct, 60_000, 0.1, correct, 10_000)


@pytest.mark.parametrize(
    ("correct", "train_correct"),
    [(9_852, 56_000), (9_909, 56_757), (9_900, 58_000)],  # our best record; small batches and one cycle; augmented
)
def test_the_best_first_epochs_of_networks_that_start_untrained_pass_without_a_remark(correct, train_correct):
    assert first_epoch_remarks(CHALLENGE, [[epoch(correct, train_correct)]]) == []


@pytest.mark.parametrize(("correct", "train_correct"), [(9_950, 59_400), (9_950, 50_000), (9_100, 59_400)])
def test_a_first_epoch_that_is_better_is_told_to_the_teacher_with_its_numbers(correct, train_correct):
    usual, better = [epoch(9_700, 55_000)], [epoch(correct, train_correct), epoch(9_950, 59_500)]
    (remark,) = first_epoch_remarks(CHALLENGE, [usual, [], better, better])
    assert first_epoch_remarks(replace(CHALLENGE, data="./digits"), [better]) == []  # that may be easier
    assert remark.startswith(f"For the teacher: run 3 had {correct / 10_000:.2%} of the test images and ")
    assert f"{train_correct / 60_000:.2%} of the training images" in remark and "initial weights" in remark
