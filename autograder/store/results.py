"""Attempts and their verdicts: what students handed in, and its results."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from autograder.store.class_changes import load_roster
from autograder.store.counting.attempt_rule import AttemptRule, counting_attempt
from autograder.store.counting.valid_verdicts import load_history
from autograder.store.database import Database
from autograder.store.loading import CONDITIONS, INSPECTION, GradedAttempt, load_graded_attempts, versions_of
from autograder.store.models import (
    Base,
    GradingProgress,
    StoredAttempt,
    StoredSource,
    StoredSpec,
    StoredSubmission,
    StoredVerdict,
    VerdictRun,
    utc_now,
)
from autograder.store.records import Result, capture_conditions
from course.rules import Rules, load_rules
from course.spec import Spec


@dataclass(frozen=True)
class SharedRecipe:
    """One recipe that several students handed in."""

    spec_hash: str
    students: tuple[str, ...]


@dataclass(frozen=True)
class FirstCapture:
    """What a source was captured as when it was first graded. `spec` is None where it was refused before training."""

    graded: dt.datetime
    spec_hash: str
    spec: Spec | None


class Results:
    """The part of a store that the grader, the gradebook and instructors use. Every method may raise StoreError."""

    def __init__(self, database: Database):
        self._database = database

    # --- written by the grader

    def record_attempt(
        self, student: str, assignment: str, file: str, source_hash: str, handed_in: dt.datetime, source: str = ""
    ) -> int:
        """The attempt's id. Handing in the newest recipe again is no further attempt."""

        def find_or_add(session: Session) -> int:
            names = load_roster(session, self._database.chain).names_of(student, assignment)
            known = _find_attempt(session, names, assignment, source_hash, handed_in)
            if known is not None:
                return known.id
            submission, new_rows = _find_or_add_submission(session, student, assignment)
            attempt = StoredAttempt(
                submission_id=submission.id,
                file=file,
                source_hash=source_hash,
                handed_in=handed_in,
                recorded=utc_now(),
            )
            session.add(attempt)
            session.flush()
            new_rows.append(attempt)
            if source and session.get(StoredSource, source_hash) is None:
                new_rows.append(StoredSource(hash=source_hash, text=source))
                session.add(new_rows[-1])
            self._database.chain.append(session, new_rows)
            return attempt.id

        return self._database.write(find_or_add)

    def mark_training(self, attempt_id: int, run_id: int, epochs: int) -> None:
        """Note that the attempt's run, of `epochs` epochs, is in training."""
        self._set_progress(GradingProgress(attempt_id=attempt_id, run_id=run_id, epochs=epochs, fault=""))

    def mark_internal_error(self, attempt_id: int, message: str) -> None:
        """Note that the grading of the attempt broke, for a person to look at. A later verdict removes the note."""
        self._set_progress(GradingProgress(attempt_id=attempt_id, run_id=None, epochs=0, fault=message))

    def _set_progress(self, progress: GradingProgress) -> None:
        def merge(session: Session) -> None:
            session.merge(progress)

        self._database.write(merge)

    def record_verdict(
        self,
        attempt_id: int,
        result: Result,
        rules: Rules,
        run_ids: Sequence[int],
        *,
        options: str = "",
        reason: str = "",
        conditions: str | None = None,
    ) -> None:
        """Store a verdict, unless the one that counts says the same, by the same rules and from the same runs.

        `options` are those that the verdict depends on; `reason` says why the attempt was regraded; `conditions` are
        those of its capture, by default on MNIST.
        """
        made = new_verdict(attempt_id, result, rules, run_ids, options=options, reason=reason, conditions=conditions)

        def add_if_new(session: Session) -> None:
            session.execute(delete(GradingProgress).filter_by(attempt_id=attempt_id))
            before = session.scalars(load_history(session, self._database.chain).newest(attempt_id)).first()
            if before is None or before.content != made.content:
                verdict, runs = add_verdict(session, made)
                self._database.chain.append(session, [verdict, *runs])

        self._database.write(add_if_new)

    def noted_fault(self, attempt_id: int) -> str:
        """What broke in the attempt's last grading; empty if nothing did."""
        return self._database.read(
            lambda session: session.scalar(select(GradingProgress.fault).filter_by(attempt_id=attempt_id)) or ""
        )

    # --- read; all raise GraderError if a record is not what was written

    def reusable_verdict(self, attempt_id: int, rules: Rules, options: str, versions: dict[str, str]) -> Result | None:
        """The result of an attempt, if its verdict was made with the same rules, options and versions."""

        def load_if_same(session: Session) -> Result | None:
            verdict = session.scalars(load_history(session, self._database.chain).newest(attempt_id)).first()
            made_with = verdict and (verdict.rules_hash, verdict.options, versions_of(verdict))
            if made_with != (rules_hash(rules), options, versions):
                return None
            (attempt,) = load_graded_attempts(session, self._database.chain, attempt_id=attempt_id)
            return attempt.result

        return self._database.read(load_if_same)

    def first_capture(self, attempt_id: int, isolation: str, conditions: str) -> FirstCapture | None:
        """What the attempt's source, from whomever, gave when it was first graded under these conditions."""

        def find(session: Session) -> FirstCapture | None:
            source = select(StoredAttempt.source_hash).filter_by(id=attempt_id).scalar_subquery()
            captured = (
                select(StoredVerdict.id, StoredVerdict.versions)
                .join(StoredAttempt, StoredAttempt.id == StoredVerdict.attempt_id)
                .where(StoredAttempt.source_hash == source, StoredVerdict.isolation == isolation)
                .where(StoredVerdict.spec_hash.is_not(None))
                .order_by(StoredVerdict.id)
            )
            made_by = session.execute(captured)
            first = next((number for number, made in made_by if made.get(CONDITIONS) == conditions), None)
            if first is None:
                return None
            verdict = session.get_one(StoredVerdict, first)
            spec = session.get(StoredSpec, verdict.spec_hash)
            self._database.chain.check(session, [verdict, *([spec] if spec else [])])
            assert verdict.spec_hash is not None  # asked for above
            return FirstCapture(verdict.judged_at, verdict.spec_hash, Spec.from_json(spec.text) if spec else None)

        return self._database.read(find)

    def kept_verdict(self, attempt_id: int, rules: Rules, options: str) -> GradedAttempt | None:
        """An attempt whose regrade by these rules and options was taken back: it keeps the verdict that it has."""

        def load_if_kept(session: Session) -> GradedAttempt | None:
            kept = load_history(session, self._database.chain).kept(session, attempt_id).get(attempt_id, [])
            if (rules_hash(rules), options) not in {(k.rules_hash, k.options) for k in kept}:
                return None
            (attempt,) = load_graded_attempts(session, self._database.chain, attempt_id=attempt_id)
            return attempt

        return self._database.read(load_if_kept)

    def graded_attempts(self, assignment: str | None = None, student: str | None = None) -> list[GradedAttempt]:
        """All attempts with a verdict, by assignment, student and time of hand-in."""
        return self._database.read(
            lambda session: load_graded_attempts(session, self._database.chain, assignment=assignment, student=student)
        )

    def graded_attempt(self, attempt_id: int) -> GradedAttempt | None:
        """One attempt; None if it has no verdict."""
        found = self._database.read(
            lambda session: load_graded_attempts(session, self._database.chain, attempt_id=attempt_id)
        )
        return found[0] if found else None

    def latest(self, student: str, assignment: str) -> GradedAttempt | None:
        """The last attempt with a verdict that counts for the student, a team's too; None if there is none."""
        attempts = self.graded_attempts(assignment, student)
        return attempts[-1] if attempts else None

    def counting_attempts(self, assignment: str, rule: AttemptRule | None = None) -> list[GradedAttempt]:
        """Each student's and team's attempt that counts. By default the assignment's rules say which one counts."""
        by_student: dict[str, list[GradedAttempt]] = {}
        for attempt in self.graded_attempts(assignment):
            by_student.setdefault(attempt.student, []).append(attempt)
        rule = rule or load_rules(assignment).attempts
        return [counting_attempt(attempts, rule) for attempts in by_student.values()]

    def shared_recipes(self, assignment: str | None = None) -> list[SharedRecipe]:
        """Recipes that more than one student or team handed in, most students first."""

        def find(session: Session) -> list[SharedRecipe]:
            rows = (
                select(StoredVerdict.spec_hash, StoredSubmission.student, StoredSubmission.assignment)
                .join(StoredAttempt, StoredVerdict.attempt_id == StoredAttempt.id)
                .join(StoredSubmission, StoredAttempt.submission_id == StoredSubmission.id)
                .distinct()
                .order_by(StoredSubmission.student)
            )
            if assignment is not None:
                rows = rows.where(StoredSubmission.assignment == assignment)
            roster = load_roster(session, self._database.chain)
            students_of: dict[str, set[str]] = {}
            for spec_hash, student, assigned in session.execute(rows):
                if spec_hash is not None:
                    students_of.setdefault(spec_hash, set()).add(roster.unit(student, assigned))
            shared = [SharedRecipe(spec, tuple(sorted(names))) for spec, names in students_of.items() if len(names) > 1]
            return sorted(shared, key=lambda recipe: (-len(recipe.students), recipe.students))

        return self._database.read(find)


@dataclass(frozen=True)
class NewVerdict:
    """The columns of a verdict before it is stored, and the runs that it is based on."""

    columns: dict[str, Any]
    run_ids: tuple[int, ...]

    @property
    def attempt_id(self) -> int:
        attempt_id: int = self.columns["attempt_id"]
        return attempt_id

    @property
    def content(self) -> str:
        """A hash that tells whether another verdict says the same, by the same rules and from the same runs."""
        compared = ("rules_hash", "verdict", "reasons", "official", "options", "spec_hash")
        content = json.dumps([*(self.columns[name] for name in compared), list(self.run_ids)])
        return hashlib.sha256(content.encode()).hexdigest()


def new_verdict(
    attempt_id: int,
    result: Result,
    rules: Rules,
    run_ids: Sequence[int],
    *,
    options: str,
    reason: str,
    conditions: str | None = None,
) -> NewVerdict:
    """A verdict to be stored; see `Results.record_verdict`. `conditions`: of the capture, if that was not now."""
    columns = {
        "attempt_id": attempt_id,
        "spec_hash": result.inspection.spec_hash if result.inspection else None,
        "rules": asdict(rules),
        "rules_hash": rules_hash(rules),
        "verdict": result.verdict,
        "reasons": list(result.reasons),
        "borderline": result.borderline,
        "official": result.official,
        "isolation": result.isolation,
        "inspection": INSPECTION.dump_python(result.inspection, mode="json") if result.inspection else None,
        "versions": {**result.versions, CONDITIONS: capture_conditions() if conditions is None else conditions},
        "options": options,
        "reason": reason,
    }
    return NewVerdict(columns, tuple(run_ids))


def add_verdict(session: Session, made: NewVerdict) -> tuple[StoredVerdict, list[VerdictRun]]:
    """Add a verdict and its runs to the session; they are not in the chain yet."""
    verdict = StoredVerdict(**made.columns, content=made.content, judged_at=utc_now())
    session.add(verdict)
    session.flush()
    runs = [VerdictRun(verdict_id=verdict.id, number=n, run_id=i) for n, i in enumerate(made.run_ids, start=1)]
    session.add_all(runs)
    return verdict, runs


def rules_hash(rules: Rules) -> str:
    """SHA-256 of what a verdict depends on."""
    return hashlib.sha256(json.dumps(_judging(rules), sort_keys=True).encode()).hexdigest()


def describe_changed_rules(before: Mapping[str, Any], now: Rules) -> str:
    """Which limits are not those of `before`: `accuracy 0.99, now 0.994`; empty if a verdict depends on none."""
    old = _defaults() | _as_json(before)
    return ", ".join(
        f"{name} {old.get(name, 'not there')}, now {value}"
        for name, value in _as_json(asdict(now)).items()
        if name != "attempts" and old.get(name) != value
    )


def _judging(rules: Rules) -> dict[str, Any]:
    """Without the rule that decides which attempt counts, and not what it is worth; and without what is not given.

    A rule that is added in a new version changes nothing for courses that do not use it.
    """
    defaults = _defaults()
    judging = {name: value for name, value in _as_json(asdict(rules)).items() if name != "attempts"}
    return {name: value for name, value in judging.items() if name not in defaults or value != defaults[name]}


def _defaults() -> dict[str, Any]:
    """Of the rules that need not be given."""
    return _as_json({field.name: field.default for field in fields(Rules) if field.default is not MISSING})


def _as_json(rules: Mapping[str, Any]) -> dict[str, Any]:
    """As the store keeps them: lists in place of tuples."""
    return json.loads(json.dumps(rules))  # type: ignore[no-any-return]  # an object gives an object


def _find_or_add_submission(session: Session, student: str, assignment: str) -> tuple[StoredSubmission, list[Base]]:
    """The submission, and the rows that were added."""
    submission = session.scalar(select(StoredSubmission).filter_by(student=student, assignment=assignment))
    if submission is not None:
        return submission, []
    submission = StoredSubmission(student=student, assignment=assignment)
    session.add(submission)
    session.flush()
    return submission, [submission]


def _find_attempt(
    session: Session, names: Collection[str], assignment: str, source_hash: str, handed_in: dt.datetime
) -> StoredAttempt | None:
    """The same recipe handed in at the same time, or as the newest attempt, under one of the names of a student."""
    attempts = select(StoredAttempt).join(StoredSubmission, StoredAttempt.submission_id == StoredSubmission.id)
    attempts = attempts.where(StoredSubmission.student.in_(names), StoredSubmission.assignment == assignment)
    same = session.scalars(attempts.where(
        StoredAttempt.source_hash == source_hash, StoredAttempt.handed_in == handed_in
    ).limit(1)).first()  # fmt: skip
    if same is not None:
        return same
    newest_first = attempts.order_by(StoredAttempt.handed_in.desc(), StoredAttempt.id.desc())
    newest = session.scalars(newest_first.limit(1)).first()
    return newest if newest is not None and newest.source_hash == source_hash else None
