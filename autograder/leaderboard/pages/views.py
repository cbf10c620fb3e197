"""The answer to each address of the leaderboard: a function of the class, run in the reader's thread."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from autograder.grading.options import AskedOptions
from autograder.leaderboard.class_state import AssignmentTable, ClassState
from autograder.leaderboard.pages import attempt_charts, class_charts
from autograder.leaderboard.pages.common_reasons import common_reasons
from autograder.leaderboard.pages.misclassified import misclassified_images
from autograder.leaderboard.pages.network_picture import network_blocks
from autograder.leaderboard.pages.render import RowRenderer, describe_progress, page
from autograder.leaderboard.pages.site import Site
from autograder.leaderboard.pages.source_diff import diff_sources
from autograder.leaderboard.ranking import LeaderboardRow, judging_rules
from autograder.store import AttemptSummary, GradedAttempt
from course.data import MNIST
from course.errors import CourseError
from course.rules import Rules, assignments, load_rules

PageValues = dict[str, Any]


class NotFound(Exception):
    """There is nothing at this address; the message says what there is."""


def row_renderer(site: Site) -> Callable[[str, LeaderboardRow], str]:
    """Renders rows with one RowRenderer for each assignment."""
    renderer = cache(lambda assignment: RowRenderer(f"{site.root}/{assignment}"))
    return lambda assignment, row: renderer(assignment)(row)


def table(state: ClassState, site: Site, assignment: str = "") -> str:
    """Without an assignment, that of the newest attempt. Raises NotFound."""
    assignment = assignment or state.newest()
    rules, counts = _rules_of(assignment), state.counts()
    shown = state.table(assignment)
    following = {
        "url": f"{site.root}/{assignment}/rows",
        "version": _version(site, state, shown),
        "milliseconds": site.milliseconds,
    }
    return page(
        "table.html",
        **site.common(assignment, counts, assignment),
        rule=rules.describe(),
        rows=[shown.html[row.key] for row in shown.rows],
        students=counts[assignment],
        following=following,
    )


def rows(state: ClassState, site: Site, assignment: str, since: str) -> PageValues:
    """The rows that changed after the browser's version `since`; all rows if that is of another start.

    Raises NotFound.
    """
    _rules_of(assignment)
    shown = state.table(assignment)
    version = _version(site, state, shown)
    if since == version:
        return {"version": version}
    start, _, number = since.rpartition("-")
    same_start = start == version.rpartition("-")[0] and re.fullmatch(r"\d{1,9}", number)
    known = int(number) if same_start else -1
    changed = {row.key: shown.html[row.key] for row in shown.rows if shown.changed_at[row.key] > known}
    return {"version": version, "order": [row.key for row in shown.rows], "rows": changed}


def _version(site: Site, state: ClassState, shown: AssignmentTable) -> str:
    return f"{site.boot}-{state.generation}-{shown.version}"


def class_view(state: ClassState, site: Site, assignment: str) -> str:
    """Raises NotFound."""
    rules = _rules_of(assignment)
    shown = state.table(assignment)
    reasons = common_reasons(shown.all_attempts)
    figures = {
        "pareto": class_charts.pareto_front(shown.rows, rules),
        "verdicts": class_charts.verdict_counts(shown.rows),
        "arrivals": class_charts.hand_in_times(shown.all_attempts),
        "stumbles": class_charts.reason_counts(reasons),
        "attempt": f"{site.root}/{assignment}/attempt/",
    }
    return page(
        "class.html",
        **site.common(assignment, state.counts(), f"{assignment}: the class"),
        charts=True,
        rule=rules.describe(),
        reasons=reasons,
        figures=figures,
    )


def attempt(state: ClassState, site: Site, assignment: str, number: str) -> str:
    """One attempt. Raises NotFound, GraderError if its source was changed, StoreError."""
    _rules_of(assignment)
    attempt_id = int(number)
    known = state.attempt(attempt_id)
    if known is None or known[0].assignment != assignment:
        raise NotFound(f"There is no attempt {attempt_id} at {assignment}. The table has links to all attempts.")
    shown, attempts, progress = known
    place = attempts.index(shown)
    before = state.store.overview.source(attempts[place - 1].attempt_id) if place else ""
    source = state.store.overview.source(attempt_id)
    return page(
        "attempt.html",
        **site.common(assignment, state.counts(), f"{shown.student}, {assignment}"),
        charts=True,
        attempt=shown,
        attempts=attempts,
        number=place + 1,
        progress=describe_progress(progress),
        fault=progress.fault if progress else "",
        source=diff_sources(source, before),
        **_checked_result(state, shown),
    )


def _checked_result(state: ClassState, shown: AttemptSummary) -> PageValues:
    """The attempt's result, checked against the chain; if records were changed, a `problem` that says so instead."""
    values: PageValues = {"result": None, "mistakes": [], "figures": {}, "problem": ""}
    try:
        graded = state.store.results.graded_attempt(shown.attempt_id)
    except CourseError as error:
        return values | {"problem": str(error)}
    if graded is None or not shown.verdict:  # the verdict may be newer than our look at the store
        return values
    result, rules = graded.result, judging_rules(shown)
    values |= {
        "result": result,
        "spec_hash": graded.spec_hash,
        "graded": graded.graded,
        "regrade_reason": graded.reason,
        "needed": rules.needed,
        "limit": rules.max_parameters,
        "blocks": network_blocks(result.inspection.layers) if result.inspection else [],
    }
    if result.runs:
        values["figures"]["curves"] = attempt_charts.accuracy_curves(result.runs, rules)
    if result.inspection:
        values["figures"]["budget"] = attempt_charts.parameter_budget(result.inspection)
    return values | _mistakes(state, shown, graded)


def _mistakes(state: ClassState, shown: AttemptSummary, graded: GradedAttempt) -> PageValues:
    """The misclassified images of the first run, or a `problem`."""
    if not shown.runs:
        return {}
    run, asked = shown.runs[0], AskedOptions.parse(graded.options)
    try:
        data_set = asked.data_set(graded.rules) if asked else MNIST
        images = misclassified_images(state.store.overview.misclassified(run.id), data_set)
    except CourseError as error:
        return {"problem": f"The misclassified digits cannot be shown. {error}"}
    return {"mistakes": images, "mistaken_seed": run.seed}


def _rules_of(assignment: str) -> Rules:
    if assignment not in assignments():
        raise NotFound(f"There is no assignment {assignment}. There are: {', '.join(assignments())}.")
    return load_rules(assignment)


VIEWS: dict[str, Callable[..., str | PageValues]] = {
    "table": table,
    "rows": rows,
    "class": class_view,
    "attempt": attempt,
}
