"""A course as a whole: what nbgrader, the store, the leaderboard and the folders have of every student.

    view = read_course(read_settings(folder))    everything, read once; nothing is created, changed or locked
    audit(view)                                  where two places disagree about a grade
    status_of(work)                              who has no grade, why, and what to do
    ClassGrading(settings, store)                trains what is new, and lets nbgrader collect the results

`settings` reads nbgrader_config.py, `entries` the gradebook, `folders` the hand-ins and what nbgrader made of them;
`course_view` joins them by student and assignment, `audit` and `status` compare, and `commands` are the next steps.
`autograde` grades the class, by what these two say; `collecting` and `nbgrader_process` run nbgrader for it.
`new_course` makes a course in the first place: `autograder init`. `explain` shows what a verdict rests on.
"""

from autograder.gradebook.course_view import CourseView, StudentWork, read_course
from autograder.gradebook.settings import CourseSettings, read_settings

__all__ = ["CourseSettings", "CourseView", "StudentWork", "read_course", "read_settings"]
