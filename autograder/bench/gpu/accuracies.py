"""The same course on a GPU: do the lessons' own recipes reach there what their limits rest on?"""

from __future__ import annotations

from functools import partial

from autograder.bench.gpu.setting import ASSIGNMENTS, Setting
from autograder.bench.gpu.stages import OutOfTime, Results, Task
from autograder.calibration.records import calibration_file, load_calibration
from course.recipe import TEST_IMAGES
from course.rules import held_level, load_rules
from course.training.loop import train
from course.training.results import TrainingStep
from course.training.scoring import Scorer


def same_course(setting: Setting) -> list[Task]:
    """One seed of each lesson, then another one, as far as time allows; the challenge last."""
    lessons = (*ASSIGNMENTS[1:], ASSIGNMENTS[0])
    runs = [(seed, lesson) for seed in range(1, setting.size.seeds + 1) for lesson in lessons]
    return [(f"{lesson}, seed {seed}", partial(train_lesson, setting, lesson, seed)) for seed, lesson in runs]


def train_lesson(setting: Setting, lesson: str, seed: int) -> Results:
    """The accuracy that is held here and on the CPU under the same seed, and whether the limit was."""
    spec, rules = setting.spec(setting.solution(lesson)), load_rules(lesson)
    epochs = setting.size.reduced.epochs if setting.size.reduced else spec.epochs
    spec = spec.model_copy(update={"epochs": epochs})

    def stop_in_time(step: TrainingStep) -> None:
        if setting.seconds_left < 0:
            raise OutOfTime(f"in epoch {step.epoch}")

    score = Scorer(setting.test_labels, spec.loss)
    results = train(spec, setting.digits, seed=seed, device=setting.device, score=score, on_step=stop_in_time)
    correct = [result.correct for result in results]
    total = len(setting.digits.test_images)
    held = held_level(correct, min(rules.hold, len(correct))) / total
    path = calibration_file(lesson)
    on_cpu = load_calibration(path).runs if path.exists() else {}
    return {
        "held": held,
        "held on the CPU": held_level(on_cpu[seed], rules.hold) / TEST_IMAGES if seed in on_cpu else None,
        "limit": rules.accuracy,
        "passes": held >= rules.accuracy,
        "correct": correct,
    }
