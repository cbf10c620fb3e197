"""The limits of an assignment, and the verdict: `refused` before training, or judged after it.

    rules = load_rules("challenge")
    reasons = refusals(rules, inspection)         # sentences; empty when the recipe may be trained
    judgement = judge(rules, [run1, run2, ...])   # runs are lists of the integer `correct`, epoch by epoch

The limits are those of the course at hand (`course_folder`), else the packaged ones in `rules.toml`.
"""

from course.rules.course_folder import (
    ASSIGNMENT_VARIABLE,
    COURSE_VARIABLE,
    RULES,
    choose_course,
    course_around,
    course_folder,
)
from course.rules.judging import (
    Judgement,
    Streak,
    Verdict,
    first_epoch_remarks,
    held_level,
    judge,
    longest_streak,
    refusals,
)
from course.rules.limits import (
    DATA_SETS,
    PACKAGED,
    Rules,
    assignments,
    goal_rules,
    load_rules,
    rules_at_hand,
    rules_file,
)

__all__ = [
    "ASSIGNMENT_VARIABLE",
    "COURSE_VARIABLE",
    "DATA_SETS",
    "PACKAGED",
    "RULES",
    "Judgement",
    "Rules",
    "Streak",
    "Verdict",
    "assignments",
    "choose_course",
    "course_around",
    "course_folder",
    "first_epoch_remarks",
    "goal_rules",
    "held_level",
    "judge",
    "load_rules",
    "longest_streak",
    "refusals",
    "rules_at_hand",
    "rules_file",
]
