"""What each address of the leaderboard answers: a function of the class, run in the reader's thread."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from autograder.leaderboard import charts, details
from autograder.leaderboard.class_state import AssignmentTable, ClassState
from autograder.leaderboard.ranking import LeaderboardRow
from autograder.leaderboard.render import RowRenderer, page, state
from autograder.leaderboard.site import Site
from autograder.store import AttemptSummary
from course.errors import CourseError
from course.rules import Rules, assignments, load_rules


def row_renderer(site: Site) -> Callable[[str, LeaderboardRow], str]:
    """One renderer for each assignment."""
    made = cache(lambda assignment: RowRenderer(f"{site.root}/{assignment}"))
    return lambda assignment, row: made(assignment)(row)


class Missing(Exception):
    """There is nothing at this address; says what there is."""


def table(classroom: ClassState, site: Site, assignment: str = "") -> str:
    """Of the assignment with the newest attempt, where none is named."""
    assignment = assignment or classroom.newest()
    rules, counts = _known(classroom, assignment), classroom.counts()
    board = classroom.table(assignment)
    following = {
        "url": f"{site.root}/{assignment}/rows",
        "version": _version(site, classroom, board),
        "milliseconds": site.milliseconds,
    }
    return page(
        "table.html",
        **site.common(assignment, counts, assignment),
        rule=in_words(rules),
        rows=[board.shown[row.key] for row in board.rows],
        students=counts[assignment],
        following=following,
    )


def rows(classroom: ClassState, site: Site, assignment: str, since: str) -> dict:
    """The rows that changed since the version that the browser has, all where it is from another start."""
    _known(classroom, assignment)
    board = classroom.table(assignment)
    now = _version(site, classroom, board)
    if since == now:
        return {"version": now}
    start, _, number = since.rpartition("-")
    seen = int(number) if start == now.rpartition("-")[0] and re.fullmatch(r"\d{1,9}", number) else -1
    fresh = {row.key: board.shown[row.key] for row in board.rows if board.changed[row.key] > seen}
    return {"version": now, "order": [row.key for row in board.rows], "rows": fresh}


def _version(site: Site, classroom: ClassState, board: AssignmentTable) -> str:
    return f"{site.boot}-{classroom.start}-{board.version}"


def class_view(classroom: ClassState, site: Site, assignment: str) -> str:
    rules = _known(classroom, assignment)
    board = classroom.table(assignment)
    reasons = details.stumbles(board.seen)
    figures = {
        "pareto": charts.pareto(board.rows, rules),
        "verdicts": charts.verdicts(board.rows),
        "arrivals": charts.arrivals(board.seen),
        "stumbles": charts.stumbles(reasons),
        "attempt": f"{site.root}/{assignment}/attempt/",
    }
    return page(
        "class.html",
        **site.common(assignment, classroom.counts(), f"{assignment}: the class"),
        charts=True,
        rule=in_words(rules),
        reasons=reasons,
        figures=figures,
    )


def attempt(classroom: ClassState, site: Site, assignment: str, number: str) -> str:
    """One attempt. Raises Missing, GraderError (its source was changed), StoreError."""
    _known(classroom, assignment)
    attempt_id = int(number)
    found = classroom.attempt(attempt_id)
    if found is None or found[0].assignment != assignment:
        raise Missing(f"There is no attempt {attempt_id} at {assignment}. The table leads to those there are.")
    seen, attempts, in_progress = found
    place = attempts.index(seen)
    before = classroom.store.overview.source(attempts[place - 1].attempt_id) if place else ""
    source = classroom.store.overview.source(attempt_id)
    return page(
        "attempt.html",
        **site.common(assignment, classroom.counts(), f"{seen.student}, {assignment}"),
        charts=True,
        seen=seen,
        attempts=attempts,
        number=place + 1,
        waits=state(in_progress),
        fault=in_progress.fault if in_progress else "",
        source=details.changes(source, before),
        **_graded(classroom, seen),
    )


def _graded(classroom: ClassState, seen: AttemptSummary) -> dict:
    """What the store's records say, which are checked first: where they were changed, that is told instead."""
    nothing = {"result": None, "mistakes": [], "figures": {}, "problem": ""}
    try:
        graded = classroom.store.results.graded_attempt(seen.attempt_id)
    except CourseError as error:
        return nothing | {"problem": str(error)}
    if graded is None or seen.rules is None:  # or its verdict has come this moment
        return nothing
    mistakes, problem = [], ""
    try:
        mistakes = details.mistakes(classroom.store, seen.runs[0].id) if seen.runs else []
    except CourseError as error:
        problem = f"The digits that were read wrongly cannot be shown. {error}"
    rules, inspection = Rules(**seen.rules), graded.result.inspection
    blocks = details.blocks(inspection) if inspection else []
    figures = {"curves": charts.curves(graded.result.runs, rules)} if graded.result.runs else {}
    if inspection:
        figures["budget"] = charts.budget(inspection)
    return nothing | {
        "result": graded.result,
        "spec_hash": graded.spec_hash,
        "graded": graded.graded,
        "again": graded.reason,
        "needed": rules.needed,
        "limit": rules.max_parameters,
        "blocks": blocks,
        "width": blocks[-1].x + blocks[-1].width if blocks else 0,
        "mistakes": mistakes,
        "problem": problem,
        "mistaken_seed": seen.runs[0].seed if seen.runs else None,
        "figures": figures,
    }


def in_words(rules: Rules) -> str:
    return (
        f"At most {rules.max_parameters:,} parameters and {rules.max_epochs} epochs; {rules.accuracy:.2%} held for "
        f"{rules.hold} consecutive epochs. Of a student's attempts the {rules.attempts} one counts."
    )


def _known(classroom: ClassState, assignment: str) -> Rules:
    if assignment not in assignments():
        raise Missing(f"There is no assignment {assignment}. There are: {', '.join(assignments())}.")
    return load_rules(assignment)
