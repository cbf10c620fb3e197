"""Collects what a verdict rests on: from the store, the rules of now, and the gradebook if there is one."""

from __future__ import annotations

import datetime as dt
import difflib
import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from autograder.console import printable, student_name
from autograder.gradebook.entries import GradebookContent, GradebookEntry, read_gradebook
from autograder.gradebook.folders import submitting_students
from autograder.gradebook.settings import CourseSettings
from autograder.grading.draw_seed import draw_seed
from autograder.grading.options import AskedOptions, ReducedRun
from autograder.nbgrader_plugins.given_grades import LatePenalties
from autograder.store import AttemptRule, AttemptSummary, Roster, Store, counting_attempt
from autograder.store.counting.attempt_history import AttemptHistory, RunHistory, VerdictHistory
from autograder.store.records import RunRecord
from autograder.store.secret import read_secret
from course.errors import UsageError
from course.rules import Rules, load_rules, longest_streak, rules_file
from course.training.results import EpochResult

Mark = Literal["held", "reached", ""]
MAX_MATCHES = 3  # of a name that is not known


@dataclass(frozen=True)
class AttemptOutline:
    """One of a student's attempts, in a list of all."""

    number: int
    handed_in: dt.datetime
    verdict: str
    counts: bool


@dataclass(frozen=True)
class RuleComparison:
    """One rule at the verdict and now; None where it is not there."""

    name: str
    then: Any
    now: Any

    @property
    def differs(self) -> bool:
        return bool(self.then != self.now)


@dataclass(frozen=True)
class JudgedRun:
    """A run of the verdict. `marks` say of each epoch whether the accuracy was reached in it, or held.

    `is_drawn`: whether the seed is the one that the course's secret gives; None without a secret.
    """

    number: int
    history: RunHistory
    marks: tuple[Mark, ...]
    is_drawn: bool | None

    @property
    def record(self) -> RunRecord:
        return self.history.record


@dataclass(frozen=True)
class GradebookOutline:
    """What nbgrader's gradebook has of it now. Times are in UTC; `late` is zero for a hand-in in time."""

    due: dt.datetime | None = None
    late: dt.timedelta = dt.timedelta()
    score: float | None = None
    max_points: float = 0.0
    penalty: float = 0.0


@dataclass(frozen=True)
class ChainState:
    """The chain of all records of the store: how many, its last MAC, and sentences about what is not as written."""

    store: str
    links: int
    end: str
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Evidence:
    """Everything that the verdict on one attempt rests on.

    `student` is the one, or the team of `members`, that the attempt counts for. `state` says what became of an attempt
    without a verdict. `limits` are the rules with what a reduced run replaces; None if they cannot be read any more.
    """

    student: str
    members: tuple[str, ...]
    assignment: str
    attempt_rule: AttemptRule
    attempts: tuple[AttemptOutline, ...]
    number: int
    history: AttemptHistory
    state: str
    rules: tuple[RuleComparison, ...]
    rules_file: str  # of the rules of now
    limits: Rules | None
    runs: tuple[JudgedRun, ...]
    gradebook: GradebookOutline | None
    chain: ChainState

    @property
    def verdict(self) -> VerdictHistory | None:
        return self.history.verdict

    @property
    def counts(self) -> bool:
        return any(attempt.counts and attempt.number == self.number for attempt in self.attempts)

    @property
    def is_intact(self) -> bool:
        return not self.history.problems and not self.chain.problems

    def to_dict(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {"verdict": self.verdict.verdict if self.verdict else None, "is_intact": self.is_intact, **asdict(self)}


def collect_evidence(
    store: Store,
    name: str,
    *,
    assignment: str | None = None,
    number: int | None = None,
    settings: CourseSettings | None = None,
) -> Evidence:
    """What is kept of a student's attempt at an assignment: of attempt `number`, else of the one that counts.

    Raises UsageError if there is no such student, assignment or attempt; StoreError; GraderError if class changes or
    regrades are not as they were written.
    """
    gradebook = _read_gradebook(settings)
    roster = store.class_changes.roster()
    _, summaries = store.overview.since(everybody=True)
    in_class = [*(student.id for student in gradebook.students), *(submitting_students(settings) if settings else ())]
    mine = _find_attempts(student_name(name), assignment, summaries, roster, in_class, store.name)
    assignment, student = mine[0].assignment, mine[0].student
    rule = _attempt_rule(mine)
    judged = [attempt for attempt in mine if attempt.verdict]
    counting = counting_attempt(judged, rule) if judged else mine[-1]
    number = mine.index(counting) + 1 if number is None else number
    if not 1 <= number <= len(mine):
        raise UsageError(f"There is no attempt {number} of {printable(name)} at {assignment}: there are {len(mine)}.")
    history = store.attempt_histories.of(mine[number - 1].attempt_id)
    verdict = history.verdict
    limits = _limits(verdict, settings) if verdict else None
    links, end = store.chain_end()
    return Evidence(
        student=student,
        members=roster.members(student, assignment),
        assignment=assignment,
        attempt_rule=rule,
        attempts=tuple(
            AttemptOutline(n, attempt.handed_in, attempt.verdict, bool(judged) and attempt is counting)
            for n, attempt in enumerate(mine, start=1)
        ),
        number=number,
        history=history,
        state="" if verdict else _state(store, history.id),
        rules=_compare_rules(verdict, assignment) if verdict else (),
        rules_file=str(rules_file()),
        limits=limits,
        runs=_judged_runs(verdict, limits) if verdict else (),
        gradebook=_outline(gradebook, roster.names(student, assignment), history) if settings else None,
        chain=ChainState(store.name, links, end, tuple(store.verify())),
    )


def _read_gradebook(settings: CourseSettings | None) -> GradebookContent:
    if settings is None:
        return GradebookContent()
    return read_gradebook(settings.coursedir.db_url, LatePenalties(config=settings.config))


def _find_attempts(
    name: str,
    assignment: str | None,
    summaries: Sequence[AttemptSummary],
    roster: Roster,
    in_class: Collection[str],
    store_name: str,
) -> list[AttemptSummary]:
    """At least one attempt of one student or team at one assignment, in the order of hand-in. Raises UsageError."""
    found = [attempt for attempt in summaries if attempt.student == roster.unit(name, attempt.assignment)]
    names = list(dict.fromkeys(attempt.assignment for attempt in found))
    shown = printable(name, 200)
    if not found:
        mentioned = {other for change in roster.changes for other in change.names}
        known = {*(attempt.student for attempt in summaries), *mentioned, *map(student_name, in_class)}
        if name not in known:
            raise UsageError(_unknown(name, known))
        raise UsageError(
            f"{printable(store_name)} has nothing of {shown}, so there is no verdict to explain. `autograder status` "
            "says what is missing, and `autograder batch` grades what was handed in."
        )
    if assignment is None and len(names) > 1:
        raise UsageError(f"{shown} has handed in {', '.join(sorted(names))}. Name one with --assignment.")
    chosen = assignment or names[0]
    if chosen not in names:
        raise UsageError(
            f"The store has no attempt of {shown} at {printable(chosen, 200)!r}. There is: {', '.join(sorted(names))}."
        )
    return sorted(
        (attempt for attempt in found if attempt.assignment == chosen),
        key=lambda attempt: (attempt.handed_in, attempt.attempt_id),
    )


def _unknown(name: str, known: Collection[str]) -> str:
    by_lower = {other.lower(): other for other in sorted(known)}
    close = difflib.get_close_matches(name.lower(), by_lower, MAX_MATCHES)
    similar = " or ".join(repr(printable(by_lower[match], 80)) for match in close)
    hint = f"Did you mean {similar}? " if similar else ""
    return f"There is no student {printable(name, 80)!r}. {hint}`autograder status` lists everybody."


def _attempt_rule(attempts: Sequence[AttemptSummary]) -> AttemptRule:
    """The rule of now; of an assignment that is no more, that of the newest verdict."""
    try:
        return load_rules(attempts[0].assignment).attempts
    except UsageError:
        kept = next((attempt.rules for attempt in reversed(attempts) if attempt.rules), {})
        return "best" if kept.get("attempts") == "best" else "last"


def _state(store: Store, attempt_id: int) -> str:
    """What became of an attempt without a verdict."""
    progress = next((p for p in store.overview.in_progress() if p.attempt_id == attempt_id), None)
    if progress is None:
        return "It waits: `autograder batch` grades it."
    if progress.fault:
        return f"Its grading broke by a fault that is not the student's, and costs no point: {progress.fault}"
    return f"It is in training: {progress.finished} of {progress.epochs} epochs are finished."


def _compare_rules(verdict: VerdictHistory, assignment: str) -> tuple[RuleComparison, ...]:
    """A rule that came in a later version stands at its default at the verdict."""
    rules = _rules_then(verdict)
    then = (_as_json(rules) if rules else {}) | verdict.rules
    try:
        now = _as_json(load_rules(assignment))
    except UsageError:
        now = {}
    return tuple(RuleComparison(name, then.get(name), now.get(name)) for name in dict.fromkeys([*then, *now]))


def _as_json(rules: Rules) -> dict[str, Any]:
    """As the store keeps them: lists in place of tuples."""
    return json.loads(json.dumps(asdict(rules)))  # type: ignore[no-any-return]  # an object gives an object


def _rules_then(verdict: VerdictHistory) -> Rules | None:
    """The rules at the verdict; None if they are not those of an assignment any more."""
    names = {field.name for field in fields(Rules)}
    kept: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in verdict.rules.items()
        if name in names
    }
    try:
        return Rules(**kept)
    except TypeError:
        return None


def _limits(verdict: VerdictHistory, settings: CourseSettings | None) -> Rules | None:
    """The rules as they judged the runs. A reduced run's own accuracy is in the course's settings alone."""
    rules, asked = _rules_then(verdict), AskedOptions.parse(verdict.options)
    if rules and asked and settings is not None and settings.trained_score.reduced:
        reduced = ReducedRun.from_config(settings.trained_score.reduced)
        return reduced.rules(rules) if str(reduced) == asked.reduced else rules
    return rules


def _judged_runs(verdict: VerdictHistory, limits: Rules | None) -> tuple[JudgedRun, ...]:
    secret = read_secret()
    return tuple(
        JudgedRun(
            number=number,
            history=run,
            marks=_marks(run.record, limits),
            is_drawn=run.key.seed == draw_seed(secret, run.key.spec_hash, number) if secret else None,
        )
        for number, run in enumerate(verdict.runs, start=1)
    )


def _marks(record: RunRecord, limits: Rules | None) -> tuple[Mark, ...]:
    """Of each epoch; a run that broke off has held nothing."""
    if limits is None or record.ended:
        return tuple("" for _ in record.epochs)
    needed = limits.needed(record.total)
    streak = longest_streak(record.correct, needed)
    held = range(streak.first, streak.last + 1) if streak and len(streak) >= limits.hold else range(0)

    def mark(epoch: EpochResult) -> Mark:
        return "held" if epoch.epoch in held else "reached" if epoch.correct >= needed else ""

    return tuple(map(mark, record.epochs))


def _outline(gradebook: GradebookContent, names: Collection[str], history: AttemptHistory) -> GradebookOutline:
    entries = [e for e in gradebook.entries if e.assignment == history.assignment and student_name(e.student) in names]
    entry: GradebookEntry | None = max(entries, key=lambda e: str(e.handed_in), default=None)
    known = next((a for a in gradebook.assignments if a.name == history.assignment), None)
    due = entry.due if entry else known.due if known else None
    late = max(history.handed_in - due, dt.timedelta()) if due else dt.timedelta()
    if entry is None or all(cell.auto_score is None and cell.manual_score is None for cell in entry.cells):
        return GradebookOutline(due, late)
    return GradebookOutline(due, late, entry.score, entry.max_points, entry.penalty)
