"""One truth for a grade: where gradebook, store, leaderboard, feedback and exports disagree, and what mends it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from autograder.console import format_points
from autograder.gradebook import commands
from autograder.gradebook.course_view import CourseView, StudentWork, format_time
from autograder.gradebook.entries import CellScore
from autograder.nbgrader_plugins.trained_score import TRAINED_CELL
from autograder.store import AttemptSummary, counting_attempt
from autograder.store.results import describe_changed_rules, rules_hash
from course.rules import assignments, load_rules

ROUNDING = 0.006  # points; a page of feedback shows two decimals


@dataclass(frozen=True)
class Difference:
    """Two places that disagree about a student's grade: one sentence with both values, and the next step."""

    student: str
    assignment: str
    sentence: str
    next_step: str


@dataclass(frozen=True)
class Audit:
    """All differences. `grades` counts the entries of the gradebook that were compared."""

    differences: tuple[Difference, ...]
    students: int
    grades: int


Found = Iterator[tuple[str, str]]  # a sentence, and the next step


def audit(view: CourseView) -> Audit:
    """Compare all places, for every student and assignment."""
    given = {work.assignment for work in view.works if work.feedback}  # feedback was handed out
    found = []
    for work in view.works:
        for sentence, step in _differences(work, view, work.assignment in given):
            found.append(Difference(work.student, work.assignment, sentence, step))
    return Audit(tuple(found), len(view.students), sum(work.entry is not None for work in view.works))


def _differences(work: StudentWork, view: CourseView, feedback_was_given: bool) -> Found:
    if work.autograded and work.autograded.unfinished:  # then all else is in the making, or of before
        yield f"Its autograding {work.autograded.unfinished}.", commands.autograde(work)
        return
    if work.newer:
        yield f"{work.newer[0].upper()}{work.newer[1:]}.", commands.autograde(work, force="again" not in work.newer)
        return
    checks: tuple[Callable[[StudentWork, CourseView], Found], ...] = (
        _hand_in,
        _leaderboard,
        _recipe,
        _cells,
        _lateness,
    )
    for check in checks:
        yield from check(work, view)
    yield from _feedback(work, feedback_was_given)


def _hand_in(work: StudentWork, view: CourseView) -> Found:
    """What is graded was handed in, and what is judged is in the gradebook."""
    if work.is_scored and work.entry and not work.hand_in:
        yield (
            f"The gradebook has {format_points(work.entry.score)} points, and submitted/ has no hand-in.",
            f"Put it back into submitted/{work.folder_name}/{work.assignment}/: nobody can grade it again without.",
        )
    elif work.is_scored and work.entry and not work.autograded:
        yield (
            f"The gradebook has {format_points(work.entry.score)} points, and autograded/ has nothing: "
            "a grading broke.",
            commands.autograde(work),
        )
    if work.counting and not work.is_scored:
        step = commands.autograde(work, force=work.autograded is not None)  # else nbgrader skips it
        if not work.hand_in:
            step = f"Put it into submitted/{work.folder_name}/{work.assignment}/, then: {step}"
        yield f"The store has the verdict {work.counting.verdict}, and the gradebook has no score.", step


def _leaderboard(work: StudentWork, view: CourseView) -> Found:
    """The leaderboard shows the attempt that the rules say."""
    if not work.judged or not work.row:
        return
    rule = load_rules(work.assignment).attempts
    counting = counting_attempt(work.judged, rule)
    if counting.attempt_id != work.row.attempt_id:
        shown = f"{work.row.verdict}, handed in {format_time(work.row.handed_in)}" if work.row.handed_in else "none"
        yield (
            f"The leaderboard counts the attempt with {shown}, and by the rule {rule!r} that with {counting.verdict}, "
            f"handed in {format_time(counting.handed_in)}, counts.",
            "This is a bug: please report it.",
        )


def _recipe(work: StudentWork, view: CourseView) -> Found:
    """The points of the trained cell are those of the attempt that counts, by the rules and settings of now."""
    cell = next((c for c in work.entry.cells if c.cell.name == TRAINED_CELL), None) if work.entry else None
    if cell is None or cell.auto_score is None:
        return
    given, most = format_points(cell.auto_score), format_points(cell.cell.max_points)
    points = f"The gradebook has {given} of {most} points for the recipe"
    if work.counting is None:
        if work.assignment in assignments() and _was_handed_in(work, cell):
            yield f"{points}, and the store {view.store_name} has no verdict.", commands.autograde(work, force=True)
        return
    step = commands.autograde(work, force=True)
    if changed := _changed_rules(work.counting):
        yield f"The verdict {work.counting.verdict} was reached by other rules: {changed}.", step
        return
    settings = view.settings.trained_score
    if bool(settings.reduced) if work.counting.official else not settings.reduced and settings.seeds is None:
        was, now = ("full", "reduced") if work.counting.official else ("reduced", "full")
        yield (
            f"The verdict {work.counting.verdict} is of a {was} training, and the settings now ask for {now} ones.",
            step,
        )
        return
    rules = view.settings.trained_score.rules(work.assignment)
    worth = view.settings.trained_score.score(work.counting, rules, cell.cell.max_points)
    if abs(worth - cell.auto_score) > ROUNDING:
        number = f"{work.attempts.index(work.counting) + 1} of {len(work.attempts)}"
        yield (
            f"{points}, and the attempt that counts (number {number}, {work.counting.verdict}) is worth "
            f"{format_points(worth)}.",
            step,
        )


def _was_handed_in(work: StudentWork, cell: CellScore) -> bool:
    """nbgrader gives 0 for a notebook that is not there, without training anything."""
    return bool(cell.auto_score) or (work.hand_in is not None and cell.cell.notebook in work.hand_in.notebooks)


def _changed_rules(attempt: AttemptSummary) -> str:
    """Which limits are not those by which the attempt was judged; empty if it is kept from being judged by these."""
    now = load_rules(attempt.assignment)
    if rules_hash(now) in {kept.rules_hash for kept in attempt.kept}:
        return ""
    return describe_changed_rules(attempt.rules or {}, now)


def _cells(work: StudentWork, view: CourseView) -> Found:
    """Autograding has given a score to every cell that it scores."""
    names = [cell.cell.name for cell in work.entry.cells if cell.was_never_given] if work.entry else []
    if names and work.autograded and (work.is_scored or not work.counting):
        yield f"The gradebook has no score for {', '.join(names)}.", commands.autograde(work, force=True)


def _lateness(work: StudentWork, view: CourseView) -> Found:
    """The time of hand-in and the late penalty are those of now."""
    entry = work.entry
    if entry is None or not work.is_scored:
        return
    graded = work.autograded.handed_in if work.autograded else None
    if graded and entry.handed_in and abs((graded - entry.handed_in).total_seconds()) > 1:
        yield (
            f"The gradebook says that it was handed in at {format_time(entry.handed_in)}, and its timestamp.txt at "
            f"{format_time(graded)}.",
            commands.autograde(work, force=True),
        )
    elif abs(entry.kept_penalty - entry.penalty) > ROUNDING:
        yield (
            f"formgrader takes {format_points(entry.kept_penalty)} points off for being late, and by the score, the "
            f"due date and the extension of now {format_points(entry.penalty)} are due, which feedback and exports "
            "take off.",
            "nbgrader export",
        )


def _feedback(work: StudentWork, was_given: bool) -> Found:
    """The page shows the score of now, and is not older than the grading."""
    entry, step = work.entry, commands.generate_feedback(work)
    if work.feedback is None:
        if was_given and work.is_scored and entry and not entry.waits_for_person:
            yield (
                f"The gradebook has {format_points(entry.score - entry.penalty)} points, and there is no feedback.",
                step,
            )
        return
    if entry is None or not work.is_scored:
        yield (
            "There is feedback, and the gradebook has no score.",
            f"Delete feedback/{work.folder_name}/{work.assignment}/.",
        )
        return
    due, shown = entry.score - entry.penalty, work.feedback.score
    if shown is None:
        yield "The page of feedback shows no score.", step
    elif abs(shown - due) > ROUNDING:
        yield f"The feedback says {format_points(shown)} points, and {format_points(due)} are due.", step
    elif work.autograded and (work.autograded.written - work.feedback.written).total_seconds() > 1:
        yield (
            f"The feedback is of {format_time(work.feedback.written)}, and it was graded again at "
            f"{format_time(work.autograded.written)}.",
            step,
        )
