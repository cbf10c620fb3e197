"""Verdicts anew, by the rules and software of now, from the runs that are stored: nothing is trained or recorded.

    changes = GradeChanges(store, options).of(store.results.graded_attempts("challenge"))
    store.regrades.apply([r for change in changes for r in change.replacements("why")], reason="why")

A verdict is what `grade` would say. What only a training could tell is left open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import groupby

from autograder.grading.attempts import asked_run_key
from autograder.grading.draw_seed import draw_seed
from autograder.grading.options import AskedOptions, Options
from autograder.grading.pipeline import judge_until_decided, judged
from autograder.store import GradedAttempt, RunFinished, RunKey, Store, counting_attempt
from autograder.store.counting.regrades import Replacement
from autograder.store.records import Result, RunRecord, capture_conditions, software_versions
from autograder.store.results import describe_changed_rules, new_verdict
from autograder.store.secret import course_secret
from course.rules import Rules, load_rules, refusals

Trained = Mapping[int, tuple[Result, tuple[int, ...]]]  # attempt -> its result, and the runs that it rests on
TRAINING_SOFTWARE = ("trainer", "torch", "torchvision")  # others change no run


@dataclass(frozen=True)
class Rejudged:
    """An attempt with its verdict, and that of now: without `after`, what is `missing` has to be trained first."""

    before: GradedAttempt
    why: tuple[str, ...]  # what has changed since; empty if nothing has
    options: str
    after: Result | None = None
    run_ids: tuple[int, ...] = ()
    missing: str = ""
    is_trained: bool = False  # by the software of now; otherwise it was captured when it was graded before

    @property
    def rules(self) -> Rules:
        return load_rules(self.before.assignment)

    def replacement(self, reason: str) -> Replacement:
        """Raises ValueError if it has to be trained first."""
        if self.after is None:
            raise ValueError("an attempt without a new verdict cannot be replaced")
        before, asked = self.before, AskedOptions.parse(self.options)
        conditions = before.conditions
        if self.is_trained:
            conditions = capture_conditions(asked.data if asked else "")
        made = new_verdict(
            before.attempt_id,
            self.after,
            self.rules,
            self.run_ids,
            options=self.options,
            reason=reason,
            conditions=conditions,
        )
        return Replacement(before.verdict_id, made)


@dataclass(frozen=True)
class GradeChange:
    """The grade of a student, or a team: the attempt that counts now, and the one that would count.

    `after` is None if one of the attempts, which are all in `rejudged`, has to be trained first.
    """

    before: GradedAttempt
    after: GradedAttempt | None
    rejudged: tuple[Rejudged, ...]

    @property
    def student(self) -> str:
        return self.before.student

    @property
    def assignment(self) -> str:
        return self.before.assignment

    @property
    def missing(self) -> str:
        """What has to be trained first; empty if nothing has to be."""
        return next((attempt.missing for attempt in self.rejudged if attempt.missing), "")

    @property
    def why(self) -> tuple[str, ...]:
        """What has changed since, of all attempts together."""
        return tuple(dict.fromkeys(why for attempt in self.rejudged for why in attempt.why))

    def replacements(self, reason: str) -> list[Replacement]:
        return [attempt.replacement(reason) for attempt in self.rejudged if attempt.after is not None]


@dataclass(frozen=True)
class GradeChanges:
    """Judges anew by `options`; device and threads stay those of each verdict.

    `known` are results of trainings, with their runs, by attempt: these need not be judged. `everything`: also what
    nothing has changed for.
    """

    store: Store
    options: Options
    everything: bool = False
    known: Trained = field(default_factory=dict)

    def of(self, attempts: Sequence[GradedAttempt]) -> list[GradeChange]:
        """One for each student, team and assignment whose verdict was made in another way than now.

        `attempts` are all with a verdict, in the order of `Results.graded_attempts`. Raises GraderError.
        """
        hashes = {attempt.spec_hash for attempt in attempts if attempt.spec_hash}
        runs, secret = self.store.claims.finished_runs(hashes), course_secret()
        changes = []
        for (assignment, _), group in groupby(attempts, key=lambda attempt: (attempt.assignment, attempt.student)):
            of_unit, rule = list(group), load_rules(assignment).attempts
            concerned = of_unit if rule == "best" else of_unit[-1:]
            rejudged = [self._rejudge(attempt, runs, secret) for attempt in concerned]
            changed = tuple(attempt for attempt in rejudged if attempt.why or self.everything)
            if changed:
                after = None
                if all(attempt.after for attempt in changed):
                    new = {r.before.attempt_id: r for r in changed}
                    after = counting_attempt([_as_graded(attempt, new) for attempt in of_unit], rule)
                changes.append(GradeChange(counting_attempt(of_unit, rule), after, changed))
        return changes

    def _rejudge(self, before: GradedAttempt, runs: Mapping[RunKey, RunFinished], secret: bytes) -> Rejudged:
        rules = load_rules(before.assignment)
        options = replace(self.options, assignment=before.assignment)
        made_by = AskedOptions.parse(before.options) or options.asked_options()
        reduced, data = str(options.reduced or ""), options.data_set.key
        asked = replace(made_by, seeds=options.seeds, reduced=reduced, data=data)
        why = tuple(_what_changed(before, rules, made_by, asked))
        rejudged = Rejudged(before, why, str(asked))
        if (known := self.known.get(before.attempt_id)) is not None:
            return replace(rejudged, options=options.asked(), after=known[0], run_ids=known[1], is_trained=True)
        # other data may have other steps, and so another recipe once it is captured again
        if list(_changed_software(before.result)) or made_by.data != data:
            return replace(rejudged, missing="all runs")
        stored = _StoredRuns(before.spec_hash or "", asked, runs, secret)
        try:
            return replace(rejudged, after=self._judge(before, rules, stored), run_ids=tuple(stored.used))
        except _NotTrained as error:
            return replace(rejudged, missing=str(error))

    def _judge(self, before: GradedAttempt, rules: Rules, stored: _StoredRuns) -> Result:
        """The result by the rules of now. Raises _NotTrained if a run is missing for it."""
        result = replace(before.result, official=self.options.reduced is None)
        if result.inspection is None:
            return result
        if rules.restricts_choices and result.inspection.choices is None:
            raise _NotTrained("an inspection by this version")
        if reasons := refusals(rules, result.inspection):
            return replace(result, verdict="refused", reasons=tuple(reasons), borderline=False, runs=())
        was_trained = result.verdict not in ("refused", "error")
        if not was_trained and not refusals(Rules(**before.rules), result.inspection):
            return result  # refused, or broken, while it was trained: that depends on no limit
        return judged(result, rules, *judge_until_decided(rules, self.options, stored.run))


class _NotTrained(Exception):
    """A run is not in the store; the message says which."""


class _StoredRuns:
    """The runs of one spec, taken from the store as they are asked for; `used` are their numbers there."""

    def __init__(self, spec_hash: str, asked: AskedOptions, runs: Mapping[RunKey, RunFinished], secret: bytes):
        self._spec_hash, self._asked, self._runs, self._secret = spec_hash, asked, runs, secret
        self.used: list[int] = []

    def run(self, number: int) -> RunRecord:
        """Raises _NotTrained."""
        seed = draw_seed(self._secret, self._spec_hash, number)
        found = self._runs.get(asked_run_key(self._spec_hash, seed, self._asked))
        if found is None:
            raise _NotTrained(f"run {number}")
        self.used.append(found.run_id)
        return found.record


def _as_graded(attempt: GradedAttempt, rejudged: Mapping[int, Rejudged]) -> GradedAttempt:
    """The attempt as it would be with its new verdict, if it gets one."""
    new = rejudged.get(attempt.attempt_id)
    if new is None or new.after is None:
        return attempt
    return replace(attempt, result=new.after, rules=asdict(new.rules), options=new.options)


def _what_changed(before: GradedAttempt, rules: Rules, made_by: AskedOptions, asked: AskedOptions) -> Iterable[str]:
    if limits := describe_changed_rules(before.rules, rules):
        yield limits
    yield from _changed_software(before.result)
    if made_by.seeds != asked.seeds:
        yield f"seeds {made_by.seeds or 'by the rules'}, now {asked.seeds or 'by the rules'}"
    if made_by.data != asked.data:
        yield f"the data {made_by.data or 'mnist'}, now {asked.data or 'mnist'}"
    if made_by.reduced != asked.reduced:
        yield f"a {_kind(made_by.reduced)} training, now a {_kind(asked.reduced)} one"


def _changed_software(result: Result) -> Iterable[str]:
    now = software_versions()
    for name in TRAINING_SOFTWARE:
        if result.versions.get(name) != now[name]:
            yield f"{name} {result.versions.get(name, 'not noted')}, now {now[name]}"


def _kind(reduced: str) -> str:
    return f"reduced ({reduced})" if reduced else "full"
