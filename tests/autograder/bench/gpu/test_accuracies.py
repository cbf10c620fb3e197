"""An accuracy here stands beside that of the calibration under the same seed."""

import pytest

from autograder.bench.gpu.accuracies import same_course, train_lesson
from autograder.bench.gpu.stages import OutOfTime
from autograder.calibration.records import calibration_file, load_calibration
from course.recipe import TEST_IMAGES
from course.rules import held_level, load_rules


def test_all_lessons_come_before_a_second_seed(setting):
    names = [name for name, _ in same_course(setting)]
    assert len(names) == 5 and names[-1] == "challenge, seed 1"


@pytest.mark.slow
def test_a_run_is_compared_with_the_limit_and_with_the_cpus(setting):
    results, rules = train_lesson(setting, "lesson1_baseline", 1), load_rules("lesson1_baseline")
    known = load_calibration(calibration_file("lesson1_baseline")).runs[1]
    assert results["limit"] == rules.accuracy
    assert results["held on the CPU"] == held_level(known, rules.hold) / TEST_IMAGES
    assert results["held"] == results["correct"][0] / len(setting.digits.test_images)
    assert results["passes"] == (results["held"] >= rules.accuracy)


def test_a_run_that_is_out_of_time_is_no_result(setting):
    setting.deadline = 0.0
    with pytest.raises(OutOfTime):
        train_lesson(setting, "lesson1_baseline", 1)
