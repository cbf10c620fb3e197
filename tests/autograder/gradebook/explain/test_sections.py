"""What a reader of the evidence is told, section by section."""

from dataclasses import replace

from autograder.gradebook.explain.evidence import collect_evidence
from autograder.gradebook.explain.rerun import ChangedNumber, Rerun
from autograder.gradebook.explain.sections import MAX_CHANGES, Section, headline, rerun_section, sections
from tests.support.changed_rules import changed_rules
from tests.support.stores import execute

CHANGE = ChangedNumber(1, 7, 2, "test_loss", "0.1", "0.10000000000000002")


def by_title(evidence, **options) -> dict[str, Section]:
    return {section.title: section for section in sections(evidence, **options)}


def test_the_verdict_comes_first_and_the_recipe_last(made_up):
    titles = [section.title for section in sections(made_up([9_935] * 3, [9_970] * 3, [9_970] * 3))]
    assert titles[:4] == ["Verdict", "Attempt", "Parameters, part by part", "Rules"]
    assert titles[4:8] == ["How it was graded", "Run 1", "Run 2", "Run 3"]
    assert titles[8:] == ["Other verdicts of this attempt", "Chain of records", "The recipe as it was handed in"]


def test_the_parts_add_up_to_what_is_compared_with_the_limit(made_up):
    evidence = made_up([9_970] * 3)
    count = by_title(evidence)["Parameters, part by part"]
    *parts, together = (int(row[2].replace(",", "")) for row in count.rows)
    assert sum(parts) == together == evidence.verdict.inspection.counted
    assert count.sentences[0] == f"{together:,} counted of at most 7,999."


def test_the_epochs_that_held_the_accuracy_are_marked_in_every_run(made_up):
    run = by_title(made_up([9_800, 9_970, 9_971]))["Run 1"]
    assert run.marked == {1, 2} and [row[-1] for row in run.rows] == ["", "held", "held"]
    assert "which the course's secret draws for this recipe" in run.sentences[0]
    assert [row[5] for row in run.rows] == ["9,800", "9,970", "9,971"]


def test_all_digits_are_those_of_the_store(made_up, store):
    made_up([9_970] * 3)
    execute(store, "UPDATE epochs SET test_loss = 0.10000000000000002 WHERE epoch = 1")
    evidence = collect_evidence(store, "ada")
    assert by_title(evidence)["Run 1"].rows[0][4] == "0.100000"
    assert by_title(evidence, all_digits=True)["Run 1"].rows[0][4:6] == ("0.10000000000000002", "9,970 of 10,000")


def test_a_rule_that_differs_now_is_marked_and_counted(made_up, store):
    made_up([9_970] * 3)
    with changed_rules(accuracy=0.97):
        rules = by_title(collect_evidence(store, "ada"))["Rules"]
    (marked,) = (rules.rows[n] for n in rules.marked)
    assert marked == ("accuracy", "0.994", "0.97", "differs")
    assert rules.sentences[0].endswith("rules.toml.") and rules.sentences[1].startswith("Another one now: accuracy.")


def test_a_refusal_says_that_nothing_was_trained(made_up):
    evidence = made_up(numbers=9_000)
    verdict = by_title(evidence)["Verdict"]
    assert verdict.sentences[0].startswith("parameters: 9,000 counted")
    assert "Nothing was trained for this verdict." in verdict.sentences and not verdict.picture
    assert headline(evidence) == "ada, challenge: refused"


def test_a_regrade_names_who_made_it_and_the_verdict_before(hostile):
    found = by_title(hostile)
    assert "Made by regrade 1 of " in found["Verdict"].sentences[-1]
    ((_, verdict, why, _),) = found["Other verdicts of this attempt"].rows
    assert (verdict, why) == ("pass", "a newer one counts")


def test_a_changed_record_turns_the_chain_into_an_alarm(made_up, store):
    assert not any(section.is_alarm for section in sections(made_up([9_970] * 3)))
    execute(store, "UPDATE verdicts SET verdict = 'fail'")
    found = by_title(collect_evidence(store, "ada"))
    assert found["Verdict"].is_alarm and "look at the chain of records below first" in found["Verdict"].sentences[-1]
    chain = found["Chain of records"]
    assert chain.is_alarm and any(line.startswith("Of this attempt: The record verdicts 1") for line in chain.sentences)
    assert any(line.startswith("In the store: ") for line in chain.sentences)


def test_a_source_that_is_not_the_one_that_was_handed_in_is_told(made_up, store):
    made_up([9_970] * 3)
    execute(store, "UPDATE sources SET text = 'another'")
    source = by_title(collect_evidence(store, "ada"))["The recipe as it was handed in"]
    assert source.text == "another" and "The source below has another SHA-256." in source.sentences


def test_characters_that_nobody_sees_are_counted(hostile, made_up):
    sentences = by_title(hostile)["The recipe as it was handed in"].sentences
    assert sentences[-1] == "2 characters in it cannot be seen, and are shown as spaces."
    assert len(by_title(made_up([9_970] * 3))["The recipe as it was handed in"].sentences) == 1


def test_a_training_that_came_out_equal_says_so_and_how_much_was_compared():
    section = rerun_section(Rerun((), 2, 30, ()))
    assert section.sentences == ("Equal: all numbers of 2 runs and 30 epochs, to the last digit.",)
    assert not section.is_alarm and section.rows == ()


def test_a_number_that_differs_is_a_row_after_the_conditions_that_may_explain_it():
    section = rerun_section(Rerun(("torch: 1 then, 2 now",), 1, 3, (CHANGE,)))
    assert section.sentences[0].startswith("Not as it was: torch: 1 then, 2 now.") and section.is_alarm
    assert section.rows == (("1 (seed 7)", "2", "test_loss", "0.1", "0.10000000000000002"),)
    many = rerun_section(Rerun((), 1, 3, tuple(replace(CHANGE, epoch=n) for n in range(1, MAX_CHANGES + 10))))
    assert len(many.rows) == MAX_CHANGES and f"Not equal: {MAX_CHANGES + 9}" in many.sentences[0]
