"""Who has no grade, and why. Nobody falls between."""

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.gradebook.course_view import StudentWork
from autograder.gradebook.entries import (
    CellScore,
    EnrolledStudent,
    GradebookEntry,
    GradedCell,
    KnownAssignment,
    NotebookScore,
)
from autograder.gradebook.folders import Autograded, FeedbackPages, HandIn
from autograder.gradebook.status import State, count_states, describe_count, status_of
from autograder.grading.times import TimeRead
from autograder.leaderboard.ranking import LeaderboardRow
from autograder.store import AttemptInProgress, AttemptSummary
from tests.support.courses import NOON

LATER = NOON + dt.timedelta(hours=1)
CELLS = (GradedCell("challenge", "trained_score", 10), GradedCell("challenge", "report", 3, by_hand=True))


def of_class(course):
    statuses = {work.student: status_of(work) for work in course.view().works if work.assignment == "challenge"}
    return {name: status.state for name, status in statuses.items()}, statuses


def test_each_state_has_its_reason_and_its_next_step(course):
    course.grade_all("ada", "broken", "interrupted", "newer")
    course.enrol("gus")
    for student in ("collected", "lea[x]", "no notebook", "elsewhere"):
        course.hand_in(student)
    course.judge("collected")
    course.judge("elsewhere")
    folder = course.root / "submitted" / "no notebook" / "challenge"
    (folder / "challenge.ipynb").rename(folder / "my work.txt")
    (course.root / "submitted" / "elsewhere").rename(course.root / "moved")
    (course.root / "autograded" / "broken").rename(course.root / "moved" / "autograded")
    course.interrupt("interrupted")
    course.hand_in("newer", at=LATER)
    (course.root / "submitted" / "tom.zip").touch()

    states, statuses = of_class(course)
    assert states == {
        "ada": State.GRADED,
        "broken": State.BROKEN,
        "collected": State.NOT_COLLECTED,
        "elsewhere": State.ELSEWHERE,
        "gus": State.NOTHING,
        "interrupted": State.INTERRUPTED,
        "lea[x]": State.NEVER_GRADED,
        "newer": State.NEWER,
        "no notebook": State.NO_NOTEBOOK,
    }
    assert statuses["interrupted"].reason == "it was interrupted in its autograding"
    assert statuses["no notebook"].reason == "there is no challenge.ipynb, but my work.txt"
    assert statuses["lea[x]"].next_step == "nbgrader autograde challenge '--student=lea[[]x]'"
    assert all(status.next_step for name, status in statuses.items() if name not in ("ada", "gus"))
    counts = [describe_count(count) for count in count_states(statuses.values())]
    assert "1 graded" in counts and "1 handed in nothing: gus" in counts
    assert "1 handed in but never graded: lea[x] (nbgrader autograde challenge '--student=lea[[]x]')" in counts


def test_several_in_one_state_share_their_command(course):
    course.enrol("ada")
    for student in ("nadia", "tom", "lea[x]"):
        course.hand_in(student)
    _, statuses = of_class(course)
    texts = [describe_count(count) for count in count_states(statuses.values())]
    assert texts == [
        "3 handed in but never graded: lea[x], nadia, tom (nbgrader autograde challenge)",
        "1 handed in nothing: ada",
    ]


def test_a_fault_of_the_grader_s_and_a_run_in_training_are_told(course):
    course.hand_in("ada")
    (work,) = course.view().works
    for progress, state in [
        (AttemptInProgress(1, fault="The disk is full."), State.BROKEN),
        (AttemptInProgress(1, 3, 15), State.BEING_GRADED),
        (AttemptInProgress(1), State.NEVER_GRADED),
    ]:
        row = LeaderboardRow("s1", "ada", 1, in_progress=progress)
        status = status_of(StudentWork("ada", "challenge", "ada", work.known, None, work.hand_in, row=row))
        assert status.state is state and (progress.fault or "epoch 3 of 15") in (status.reason or "epoch 3 of 15")


# --- nobody falls between


def entries():
    score = st.builds(
        CellScore,
        st.sampled_from(CELLS),
        st.none() | st.just(1.0),
        st.none() | st.just(2.0),
        needs_manual_grade=st.booleans(),
    )
    notebooks = st.lists(
        st.builds(NotebookScore, st.just("challenge"), st.lists(score, max_size=2).map(tuple)), max_size=1
    )
    return st.builds(
        GradebookEntry, st.just("ada"), st.just("challenge"), notebooks.map(tuple), st.none() | st.just(NOON)
    )


def works():
    place = Path("submitted")
    time = st.sampled_from([None, TimeRead(NOON), TimeRead(LATER), TimeRead(NOON, "guessed", from_file=True)])
    names = st.sampled_from([(), ("challenge",), ("other",)])
    hand_in = st.builds(HandIn, st.just(place), names, digest=st.sampled_from(["", "a", "b"]), time=time)
    unfinished = st.sampled_from(["", "was interrupted in its autograding", "is being autograded by process 1 on x"])
    autograded = st.builds(Autograded, st.just(place), st.just(NOON), unfinished, st.none() | st.just(NOON))
    attempt = st.builds(
        AttemptSummary,
        st.integers(1, 2),
        st.just("ada"),
        st.just("challenge"),
        st.just(NOON),
        st.just("a"),
        st.sampled_from(["", "pass", "error"]),
    )
    progress = st.sampled_from(
        [None, AttemptInProgress(1), AttemptInProgress(1, 1, 2), AttemptInProgress(1, fault="x")]
    )
    row = st.builds(LeaderboardRow, st.just("s"), st.just("ada"), st.integers(1, 2), in_progress=progress)
    return st.builds(
        StudentWork,
        st.sampled_from(["ada", "ben", "cy"]),
        st.just("challenge"),
        st.just("ada"),
        st.sampled_from([KnownAssignment("challenge"), KnownAssignment("challenge", None, ("challenge",), CELLS)]),
        st.none() | st.just(EnrolledStudent("ada")),
        st.none() | hand_in,
        st.none() | autograded,
        st.none() | entries(),
        st.none() | st.just(FeedbackPages(place, NOON, 1.0)),
        st.lists(attempt, max_size=2).map(tuple),
        st.none() | row,
    )


@given(st.lists(works(), max_size=20))
def test_the_groups_add_up_to_all_students(everybody):
    statuses = [status_of(work) for work in everybody]
    counts = count_states(statuses)
    assert sum(len(count.students) for count in counts) == len(everybody)
    assert sorted(name for count in counts for name in count.students) == sorted(work.student for work in everybody)
    for status in statuses:
        if status.state not in (State.GRADED, State.NOTHING, State.NEVER_GRADED, State.NOT_COLLECTED):
            assert status.reason or status.next_step, status
        if status.has_grade:
            assert status.work.is_scored and not status.work.entry.waits_for_person


@pytest.mark.parametrize("count", [1, 12])
def test_many_names_are_cut(course, count):
    course.enrol(*(f"student{n:02}" for n in range(count)))
    _, statuses = of_class(course)
    (text,) = [describe_count(c) for c in count_states(statuses.values())]
    assert text.startswith(f"{count} handed in nothing: student00") and text.endswith("and 2 more") == (count == 12)
