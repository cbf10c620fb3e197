"""Attempts and their verdicts: what students handed in, what came of it, and which of it counts."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from pydantic import TypeAdapter
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from autograder.store.claims import epoch_result, run_record
from autograder.store.database import Database
from autograder.store.models import (
    Attempt,
    Base,
    Grading,
    Source,
    StoredEpoch,
    StoredRun,
    StoredVerdict,
    Submission,
    VerdictRun,
    utc_now,
)
from autograder.store.records import Result
from course.inspection import Inspection
from course.rules import Rules, held_level, load_rules

AttemptRule = Literal["last", "best"]
_INSPECTION = TypeAdapter(Inspection)
_WORTH = {"pass": 3, "borderline": 2, "fail": 1}  # any other verdict: 0


@dataclass(frozen=True)
class GradedAttempt:
    """One attempt with its newest verdict. `number` counts a student's attempts from 1, in the order of hand-in."""

    student: str
    assignment: str
    number: int
    attempts: int
    handed_in: dt.datetime
    graded: dt.datetime
    spec_hash: str | None
    reason: str  # why it was graded again
    result: Result


@dataclass(frozen=True)
class SharedRecipe:
    """One recipe that several students handed in."""

    spec_hash: str
    students: tuple[str, ...]


class Results:
    """The part of a store that gradebook, leaderboard and instructors ask."""

    def __init__(self, database: Database):
        self._database = database

    def record_attempt(
        self, student: str, assignment: str, file: str, source_hash: str, handed_in: dt.datetime, source: str = ""
    ) -> int:
        """The attempt's number in the store; handing in the same recipe once more makes no further attempt."""

        def work(session: Session) -> int:
            submission = session.scalar(select(Submission).filter_by(student=student, assignment=assignment))
            fresh: list[Base] = []
            if submission is None:
                submission = Submission(student=student, assignment=assignment)
                session.add(submission)
                session.flush()
                fresh.append(submission)
            known = select(Attempt).filter_by(submission_id=submission.id)
            last = session.scalars(known.order_by(Attempt.handed_in.desc(), Attempt.id.desc()).limit(1)).first()
            found = session.scalar(known.filter_by(source_hash=source_hash, handed_in=handed_in))
            if found is None and last is not None and last.source_hash == source_hash:
                found = last
            if found is None:
                found = Attempt(
                    submission_id=submission.id,
                    file=file,
                    source_hash=source_hash,
                    handed_in=handed_in,
                    recorded=utc_now(),
                )
                session.add(found)
                session.flush()
                fresh.append(found)
                if source and session.get(Source, source_hash) is None:
                    fresh.append(Source(hash=source_hash, text=source))
                    session.add(fresh[-1])
            if fresh:
                self._database.chain.append(session, fresh)
            return found.id

        return self._database.write(work)

    def reusable_verdict(self, attempt_id: int, rules: Rules, asked: str, versions: dict[str, str]) -> Result | None:
        """The attempt's verdict, if it was made by the same rules, options and versions."""

        def work(session: Session) -> Result | None:
            newest = select(StoredVerdict).filter_by(attempt_id=attempt_id).order_by(StoredVerdict.id.desc())
            verdict = session.scalars(newest.limit(1)).first()
            if verdict is None or (verdict.rules_hash, verdict.asked, verdict.versions) != (
                rules_hash(rules),
                asked,
                versions,
            ):
                return None
            attempt = session.get_one(Attempt, attempt_id)
            return self._result(session, session.get_one(Submission, attempt.submission_id), attempt, verdict)

        return self._database.read(work)

    def mark_training(self, attempt_id: int, run_id: int, epochs: int) -> None:
        """Note that the attempt's run is being trained, `epochs` long."""
        row = {"attempt_id": attempt_id, "run_id": run_id, "epochs": epochs, "fault": ""}
        self._database.write(lambda session: session.merge(Grading(**row)) and None)

    def mark_internal_error(self, attempt_id: int, fault: str) -> None:
        """Note that it could not be graded, by no fault of the student's."""
        row = {"attempt_id": attempt_id, "run_id": None, "epochs": 0, "fault": fault}
        self._database.write(lambda session: session.merge(Grading(**row)) and None)

    def record_verdict(
        self,
        attempt_id: int,
        result: Result,
        rules: Rules,
        run_ids: Sequence[int],
        *,
        asked: str = "",
        reason: str = "",
    ) -> None:
        """A verdict, unless the newest one says the same, by the same rules and from the same runs."""
        row = StoredVerdict(
            attempt_id=attempt_id,
            spec_hash=result.inspection.spec_hash if result.inspection else None,
            rules=asdict(rules),
            rules_hash=rules_hash(rules),
            verdict=result.verdict,
            reasons=list(result.reasons),
            borderline=result.borderline,
            official=result.official,
            isolation=result.isolation,
            inspection=_INSPECTION.dump_python(result.inspection, mode="json") if result.inspection else None,
            versions=dict(result.versions),
            asked=asked,
            reason=reason,
        )
        content = [row.rules_hash, row.verdict, row.reasons, row.official, row.asked, row.spec_hash, list(run_ids)]
        values = {name: value for name, value in vars(row).items() if not name.startswith("_")}
        values["content"] = hashlib.sha256(json.dumps(content).encode()).hexdigest()

        def work(session: Session) -> None:
            session.execute(delete(Grading).filter_by(attempt_id=attempt_id))
            newest = select(StoredVerdict.content).filter_by(attempt_id=attempt_id).order_by(StoredVerdict.id.desc())
            if session.scalars(newest.limit(1)).first() == values["content"]:
                return
            fresh = StoredVerdict(**values, made=utc_now())
            session.add(fresh)
            session.flush()
            runs = [VerdictRun(verdict_id=fresh.id, number=n, run_id=i) for n, i in enumerate(run_ids, start=1)]
            session.add_all(runs)
            self._database.chain.append(session, [fresh, *runs])

        self._database.write(work)

    def graded_attempts(self, assignment: str | None = None, student: str | None = None) -> list[GradedAttempt]:
        """Every graded attempt, by assignment, student and time of hand-in."""
        return self._database.read(lambda session: list(self._graded(session, assignment, student)))

    def graded_attempt(self, attempt_id: int) -> GradedAttempt | None:
        """One attempt; None when it has no verdict. Raises GraderError when its records were changed."""
        found = self._database.read(lambda session: list(self._graded(session, None, None, attempt_id)))
        return found[0] if found else None

    def latest(self, student: str, assignment: str) -> GradedAttempt | None:
        """The last graded attempt; None when there is none."""
        return next(iter(self.counting_attempts(assignment, "last", student)), None)

    def best(self, student: str, assignment: str) -> GradedAttempt | None:
        """The best graded attempt, of equal ones the earlier; None when there is none."""
        return next(iter(self.counting_attempts(assignment, "best", student)), None)

    def counting_attempts(
        self, assignment: str, which: AttemptRule | None = None, student: str | None = None
    ) -> list[GradedAttempt]:
        """The attempt of each student that counts, by student: the last or the best, by default as the rules say."""
        which = which or load_rules(assignment).attempts
        by_student: dict[str, GradedAttempt] = {}
        for graded in self.graded_attempts(assignment, student):
            before = by_student.get(graded.student)
            if before is None or which == "last" or _standing(graded.result) > _standing(before.result):
                by_student[graded.student] = graded
        return list(by_student.values())

    def shared_recipes(self, assignment: str | None = None) -> list[SharedRecipe]:
        """Recipes that more than one student handed in, most students first."""

        def work(session: Session) -> list[SharedRecipe]:
            rows = (
                select(StoredVerdict.spec_hash, Submission.student)
                .join(Attempt, StoredVerdict.attempt_id == Attempt.id)
                .join(Submission, Attempt.submission_id == Submission.id)
                .where(StoredVerdict.spec_hash.is_not(None))
                .distinct()
                .order_by(Submission.student)
            )
            if assignment is not None:
                rows = rows.where(Submission.assignment == assignment)
            found: dict[str, list[str]] = {}
            for spec_hash, student in session.execute(rows):
                found.setdefault(spec_hash, []).append(student)
            several = [SharedRecipe(h, tuple(students)) for h, students in found.items() if len(students) > 1]
            return sorted(several, key=lambda s: (-len(s.students), s.students))

        return self._database.read(work)

    def _graded(
        self, session: Session, assignment: str | None, student: str | None, attempt_id: int | None = None
    ) -> Iterator[GradedAttempt]:
        newest = (
            select(StoredVerdict.attempt_id, func.max(StoredVerdict.id).label("id"))
            .group_by(StoredVerdict.attempt_id)
            .subquery()
        )
        rows = (
            select(Submission, Attempt, StoredVerdict)
            .join(Attempt, Attempt.submission_id == Submission.id)
            .join(newest, newest.c.attempt_id == Attempt.id)
            .join(StoredVerdict, StoredVerdict.id == newest.c.id)
            .order_by(Submission.assignment, Submission.student, Attempt.handed_in, Attempt.id)
        )
        if assignment is not None:
            rows = rows.where(Submission.assignment == assignment)
        if student is not None:
            rows = rows.where(Submission.student == student)
        if attempt_id is not None:
            rows = rows.where(Attempt.id == attempt_id)
        for submission, attempt, verdict in session.execute(rows).all():
            same = select(Attempt.id).filter_by(submission_id=submission.id)
            order = list(session.scalars(same.order_by(Attempt.handed_in, Attempt.id)))
            yield GradedAttempt(
                student=submission.student,
                assignment=submission.assignment,
                number=order.index(attempt.id) + 1,
                attempts=len(order),
                handed_in=attempt.handed_in,
                graded=verdict.made,
                spec_hash=verdict.spec_hash,
                reason=verdict.reason,
                result=self._result(session, submission, attempt, verdict),
            )

    def _result(self, session: Session, submission: Submission, attempt: Attempt, verdict: StoredVerdict) -> Result:
        uses = select(StoredRun).join(VerdictRun, VerdictRun.run_id == StoredRun.id).filter_by(verdict_id=verdict.id)
        runs = session.scalars(uses.order_by(VerdictRun.number)).all()
        epochs = [
            session.scalars(select(StoredEpoch).filter_by(run_id=run.id).order_by(StoredEpoch.epoch)).all()
            for run in runs
        ]
        self._database.chain.check(session, [attempt, verdict, *runs, *(row for rows in epochs for row in rows)])
        return Result(
            submission=attempt.file,
            assignment=submission.assignment,
            verdict=verdict.verdict,
            reasons=tuple(verdict.reasons),
            borderline=verdict.borderline,
            official=verdict.official,
            isolation=verdict.isolation,
            # as JSON: read from Python values, lists would not do for tuples
            inspection=_INSPECTION.validate_json(json.dumps(verdict.inspection)) if verdict.inspection else None,
            runs=tuple(run_record(r, [epoch_result(e) for e in rows]) for r, rows in zip(runs, epochs, strict=True)),
            versions=dict(verdict.versions),
        )


def rules_hash(rules: Rules) -> str:
    """Of what a verdict depends on: which attempt counts is not part of it."""
    judging = {name: value for name, value in asdict(rules).items() if name != "attempts"}
    return hashlib.sha256(json.dumps(judging, sort_keys=True).encode()).hexdigest()


def standing(verdict: str, runs: Sequence[tuple[Sequence[int], int]]) -> tuple[int, float]:
    """What makes one attempt better than another: the verdict, then what its runs held for 2 epochs.

    A run is its right answers, epoch by epoch, and the number of test images.
    """
    held = [held_level(correct, 2) / total for correct, total in runs if correct]
    return _WORTH.get(verdict, 0), sum(held) / len(held) if held else 0.0


def _standing(result: Result) -> tuple[int, float]:
    return standing(result.verdict, [(run.correct, run.epochs[0].test_total) for run in result.runs if run.epochs])
