"""The published models and the course's own recipes in the table."""

from autograder.leaderboard.baselines import baselines
from course.rules import assignments


def test_the_published_models_and_the_courses_own_recipe_stand_in_the_table():
    found = {r.name: r for r in baselines("challenge")}
    assert [found[f"Model {n}, published"].counted for n in (1, 2, 3)] == [8_272, 6_778, 7_510]
    assert found["Model 3, published"].verdict == "refused" and "test loss" in found["Model 3, published"].reason
    assert found["Model 2, published"].verdict == "fail" and found["Model 2, published"].level == 9_919
    own = found["the course's own recipe"]
    assert own.seeds >= 3 and own.counted < 8_000 and all(r.baseline for r in found.values())
    assert [r.name for r in baselines("lesson3_dropout")] == ["Model 2, published", "the course's own recipe"]


def test_every_assignment_has_the_courses_own_recipe_with_each_of_its_seeds():
    for assignment in assignments():
        own = baselines(assignment)[-1]
        assert own.name == "the course's own recipe" and own.seeds >= 3 and 0 <= own.passed <= own.seeds
