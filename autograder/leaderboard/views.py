"""What each address of the leaderboard answers: a function of the class, run in the reader's thread."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from autograder.leaderboard import charts, details
from autograder.leaderboard.classroom import Classroom
from autograder.leaderboard.ranking import Row, row_of
from autograder.leaderboard.render import RowRenderer, page, state
from autograder.store import Seen
from course.errors import CourseError
from course.rules import Rules, assignments, load_rules


@dataclass(frozen=True)
class Site:
    """`root` is the address of the leaderboard; `boot` tells one start of the server from another."""

    root: str
    boot: str
    milliseconds: int

    def static(self, name: str) -> str:
        return f"{self.root}/static/{name}?v={_age(name)}"

    def common(self, assignment: str, counts: dict[str, int], title: str) -> dict:
        """What every page needs."""
        shown = {"root": self.root, "static": self.static, "assignments": counts}
        shown |= {"plotly_styles": plotly_styles()}
        return shown | {"assignment": assignment, "title": title}


@cache
def _age(name: str) -> str:
    """Changes with the file, so that browsers may keep it."""
    file = Path(__file__).parent / "static" / name
    return f"{(file if file.exists() else plotly_file()).stat().st_mtime:.0f}"


def plotly_file() -> Path:
    """Plotly's script, from its package."""
    return Path(find_spec("plotly").origin).parent / "package_data" / "plotly.min.js"


@cache
def plotly_styles() -> tuple[str, ...]:
    """The ids of style sheets that Plotly would write into a page, for maps that are not drawn here.

    It leaves one out that is there, and the pages' policy allows none.
    """
    return tuple(sorted(set(re.findall(r'getElementById\("([0-9a-f]{64})"\)', plotly_file().read_text("utf-8")))))


def row_renderer(site: Site) -> Callable[[str, Row], str]:
    """One renderer for each assignment."""
    made = cache(lambda assignment: RowRenderer(f"{site.root}/{assignment}"))
    return lambda assignment, row: made(assignment)(row)


def front(classroom: Classroom, site: Site) -> str:
    """The assignment with the newest attempt; the challenge where there is none."""
    newest = max(classroom.attempts(), key=lambda seen: seen.attempt_id, default=None)
    return table(classroom, site, newest.assignment if newest else "challenge")


def table(classroom: Classroom, site: Site, assignment: str) -> str:
    rules, counts = _known(classroom, assignment), classroom.counts()
    board = classroom.board(assignment)
    following = {
        "url": f"{site.root}/{assignment}/rows",
        "version": f"{site.boot}-{board.version}",
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


def rows(classroom: Classroom, site: Site, assignment: str, since: str) -> dict:
    """The rows that changed since the version that the browser has, all where it is from another start."""
    _known(classroom, assignment)
    board = classroom.board(assignment)
    boot, _, number = since.partition("-")
    seen = int(number) if boot == site.boot and number.isdecimal() and len(number) < 16 else -1
    answer = {"version": f"{site.boot}-{board.version}"}
    if seen == board.version:
        return answer
    fresh = {row.key: board.shown[row.key] for row in board.rows if board.changed[row.key] > seen}
    return answer | {"order": [row.key for row in board.rows], "rows": fresh}


def class_view(classroom: Classroom, site: Site, assignment: str) -> str:
    rules = _known(classroom, assignment)
    board = classroom.board(assignment)
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


def attempt(classroom: Classroom, site: Site, assignment: str, attempt_id: int) -> str:
    """One attempt. Raises LookupError for one that is not there."""
    _known(classroom, assignment)
    found = classroom.attempt(attempt_id)
    if found is None or found[0].assignment != assignment:
        raise LookupError(f"There is no attempt {attempt_id} at {assignment}. The table leads to those there are.")
    seen, attempts, under_way = found
    number = attempts.index(seen) + 1
    before = classroom.store.overview.source(attempts[number - 2].attempt_id) if number > 1 else ""
    source = classroom.store.overview.source(attempt_id)
    shown = row_of("", [seen], {attempt_id: under_way} if under_way else {})
    return page(
        "attempt.html",
        **site.common(assignment, classroom.counts(), f"{seen.student}, {assignment}"),
        charts=True,
        seen=seen,
        attempts=attempts,
        number=number,
        waits=state(shown),
        fault=under_way.fault if under_way else "",
        source=details.changes(source, before) if source else [],
        compared=bool(before and source),
        **_graded(classroom, seen),
    )


def _graded(classroom: Classroom, seen: Seen) -> dict:
    """What the store's records say, which are checked first: where they were changed, that is told instead."""
    nothing = {"result": None, "mistakes": [], "figures": {}, "problem": ""}
    try:
        graded = classroom.store.results.graded(seen.attempt_id)
        mistakes = details.mistakes(classroom.store, seen.runs[0].id) if seen.runs else []
    except CourseError as error:
        return nothing | {"problem": str(error)}
    if graded is None:
        return nothing
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
        "mistaken_seed": seen.runs[0].seed if seen.runs else None,
        "figures": figures,
    }


def in_words(rules: Rules) -> str:
    return (
        f"At most {rules.max_parameters:,} parameters and {rules.max_epochs} epochs; {rules.accuracy:.2%} held for "
        f"{rules.hold} consecutive epochs. Of a student's attempts the {rules.attempts} one counts."
    )


def _known(classroom: Classroom, assignment: str) -> Rules:
    if assignment not in assignments():
        raise LookupError(f"There is no assignment {assignment}. There are: {', '.join(assignments())}.")
    return load_rules(assignment)
