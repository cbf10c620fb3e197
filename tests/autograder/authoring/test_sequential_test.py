"""The page about near cases says what the rule really does."""

import random
from pathlib import Path

import pytest
from click.testing import CliRunner

from autograder.authoring.sequential_test import STDEV, TEST_IMAGES, alternatives, chances, sequential_test
from course.rules import judge, load_rules

DOCS = Path(__file__).parents[3] / "docs"
RULES = load_rules("challenge")


@pytest.mark.parametrize("mean", [9930, 9940, 9946])
@pytest.mark.parametrize("name", alternatives(RULES))
def test_the_chances_are_those_of_recipes_drawn_at_random(mean, name):
    rules, draw, n = alternatives(RULES)[name], random.Random(mean), 4000
    passed, disagreeing, runs = 0, 0, 0
    for _ in range(n):
        drawn = []
        while True:
            drawn.append([round(draw.gauss(mean, STDEV))] * rules.hold)
            judgement = judge(rules, drawn, total=TEST_IMAGES)
            if not judgement.needs_another_seed:
                break
        passed, disagreeing, runs = (
            passed + (judgement.verdict == "pass"),
            disagreeing + judgement.seeds_disagree,
            runs + len(drawn),
        )
    exact = chances(rules, mean)
    # five standard errors of a share of 4,000, and of a mean of 4,000 numbers between 1 and 3
    assert passed / n == pytest.approx(exact.passing, abs=0.04)
    assert disagreeing / n == pytest.approx(exact.disagreeing, abs=0.04)
    assert runs / n == pytest.approx(exact.runs, abs=0.08)


def test_the_page_is_the_one_that_the_rules_make(tmp_path):
    done = CliRunner().invoke(sequential_test, [str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "sequential-test.md").read_text() == (DOCS / "sequential-test.md").read_text()
    assert (DOCS / "sequential-test.svg").stat().st_size > 10_000
