"""Who has no grade, and why: every student of every place has exactly one state at an assignment."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autograder.console import format_points, printable
from autograder.gradebook import commands
from autograder.gradebook.course_view import StudentWork
from course.errors import plural

MAX_NAMED = 10


class State(enum.Enum):
    """What has become of a hand-in, in the words that follow a number of students."""

    GRADED = "graded"
    BY_HAND = "waiting for a person to grade"
    BEING_GRADED = "being graded now"
    INTERRUPTED = "whose grading was interrupted"
    BROKEN = "whose grading broke by a fault of the grader's"
    NEWER = "graded, but handed in again since"
    NOT_COLLECTED = "trained, but not in the gradebook"
    NEVER_GRADED = "handed in but never graded"
    NO_NOTEBOOK = "handed in nothing that can be graded"
    ELSEWHERE = "in the store alone"
    NOTHING = "handed in nothing"


@dataclass(frozen=True)
class StudentStatus:
    """One student at one assignment: the state, why in plain words (empty if that says it all), and what to do."""

    work: StudentWork
    state: State
    reason: str = ""
    next_step: str = ""

    @property
    def has_grade(self) -> bool:
        return self.state is State.GRADED


@dataclass(frozen=True)
class StateCount:
    """The students in one state, by name, and what to do about all of them."""

    state: State
    students: tuple[str, ...]
    next_step: str


def status_of(work: StudentWork) -> StudentStatus:
    """The one state of a student at an assignment."""
    unfinished = work.autograded.unfinished if work.autograded else ""
    if unfinished.startswith("is being"):
        return StudentStatus(work, State.BEING_GRADED, f"it {unfinished}")
    if unfinished:
        return StudentStatus(work, State.INTERRUPTED, f"it {unfinished}", commands.autograde(work))
    if work.hand_in is None:
        return _without_hand_in(work)
    progress = work.row.in_progress if work.row else None
    if progress and progress.fault:
        return StudentStatus(work, State.BROKEN, progress.fault, commands.autograde(work, force=True))
    if progress and progress.epochs:
        return StudentStatus(work, State.BEING_GRADED, f"epoch {progress.finished} of {progress.epochs} is trained")
    if work.is_scored:
        return _scored(work)
    if not set(work.hand_in.notebooks) & set(work.known.notebooks):
        return _without_notebook(work, work.hand_in.notebooks, work.hand_in.others)
    step = commands.autograde(work, force=work.autograded is not None)  # else nbgrader skips it
    if work.judged:
        return StudentStatus(work, State.NOT_COLLECTED, f"the verdict is {work.judged[-1].verdict}", step)
    return StudentStatus(work, State.NEVER_GRADED, work.hand_in.problem, step)


def _without_hand_in(work: StudentWork) -> StudentStatus:
    if work.is_scored and work.entry:
        state = State.BY_HAND if work.entry.waits_for_person else State.GRADED
        return StudentStatus(work, state, "submitted/ has no hand-in")
    if work.attempts:
        verdict = work.judged[-1].verdict if work.judged else "none"
        step = f"Put the hand-in into submitted/{work.folder_name}/{work.assignment}/, then: {commands.autograde(work)}"
        return StudentStatus(work, State.ELSEWHERE, f"its verdict is {verdict}; submitted/ has no hand-in", step)
    return StudentStatus(work, State.NOTHING, "" if work.enrolled else "the gradebook does not know the student")


def _scored(work: StudentWork) -> StudentStatus:
    assert work.entry is not None
    if work.newer:
        return StudentStatus(work, State.NEWER, work.newer, commands.autograde(work, force="again" not in work.newer))
    if work.autograded is None:
        points = format_points(work.entry.score)
        reason = f"autograded/ has nothing; the gradebook keeps {points} points of an earlier grading"
        return StudentStatus(work, State.BROKEN, reason, commands.autograde(work))
    if names := [cell.cell.name for cell in work.entry.cells if cell.was_never_given]:
        reason = f"without a score: {', '.join(names)}"
        return StudentStatus(work, State.INTERRUPTED, reason, commands.autograde(work, force=True))
    if work.entry.waits_for_person:
        names = [cell.cell.name for cell in work.entry.cells if cell.needs_manual_grade]
        return StudentStatus(work, State.BY_HAND, ", ".join(names), "nbgrader formgrade")
    return StudentStatus(work, State.GRADED)


def _without_notebook(work: StudentWork, notebooks: Sequence[str], others: Sequence[str]) -> StudentStatus:
    names = [*(f"{name}.ipynb" for name in notebooks), *others]
    there = ", ".join(printable(name, 100) for name in names if name != "timestamp.txt") or "nothing"
    if not work.known.notebooks:
        step = f"nbgrader generate_assignment {work.assignment}"
        return StudentStatus(work, State.NO_NOTEBOOK, "the gradebook does not know the assignment", step)
    wanted = " or ".join(f"{name}.ipynb" for name in work.known.notebooks)
    step = f"Ask for {wanted}, or give the file that name, then: {commands.autograde(work)}"
    return StudentStatus(work, State.NO_NOTEBOOK, f"there is no {wanted}, but {there}", step)


def count_states(statuses: Iterable[StudentStatus]) -> list[StateCount]:
    """The students of one assignment by their state: every one is in exactly one of these."""
    by_state: dict[State, list[StudentStatus]] = {}
    for status in statuses:
        by_state.setdefault(status.state, []).append(status)
    return [
        StateCount(state, tuple(s.work.student for s in by_state[state]), _step_for_all(by_state[state]))
        for state in State
        if state in by_state
    ]


def _step_for_all(statuses: Sequence[StudentStatus]) -> str:
    """The command for one student; for several the same without a name, where it is the same."""
    if len(statuses) == 1:
        return statuses[0].next_step
    steps = {commands.for_everybody(status.next_step, status.work) for status in statuses}
    return steps.pop() if len(steps) == 1 else ""


def describe_count(count: StateCount) -> str:
    """`2 handed in but never graded: nadia, tom (nbgrader autograde challenge)`; of the graded ones no names."""
    text = f"{len(count.students)} {count.state.value}"
    if count.state is not State.GRADED:
        more = f" and {len(count.students) - MAX_NAMED} more" if len(count.students) > MAX_NAMED else ""
        text += ": " + ", ".join(printable(name, 40) for name in count.students[:MAX_NAMED]) + more
    return f"{text} ({count.next_step})" if count.next_step else text


def describe_states(statuses: Sequence[StudentStatus]) -> str:
    """All students of an assignment in one line: `3 students: 2 graded; 1 handed in nothing: gus.`"""
    return f"{plural(len(statuses), 'student')}: " + "; ".join(map(describe_count, count_states(statuses))) + "."
