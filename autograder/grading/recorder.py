"""What the store keeps of one grading: its attempt, its runs while they train, and its verdict."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from autograder.grading.attempts import register, run_key
from autograder.grading.options import Options
from autograder.grading.training_run import Interruption
from autograder.store import Claim, ClaimLost, Regrade, RunBusy, RunFinished, Store
from autograder.store.checkpoints import CheckpointStore
from autograder.store.records import Result, RunRecord, capture_conditions, software_versions
from course.errors import RecipeError
from course.rules import Rules
from course.spec import ADVICE, Spec, differences

POLL_SECONDS = 1.0


class TrainedElsewhere(Interruption):
    """Another process is training run `run_id`, and the caller did not want to wait for it."""

    def __init__(self, run_id: int):
        super().__init__(f"Run {run_id} is being trained by another process.")
        self.run_id = run_id


class GradingRecorder:
    """Records one grading in a store. Without a student the runs are recorded, but no attempt and no verdict.

    `regrade` trains again what was trained before it. `wait`: whether to wait for a run that another process trains.
    """

    def __init__(
        self,
        store: Store,
        path: Path,
        rules: Rules,
        options: Options,
        student: str | None,
        *,
        regrade: Regrade | None = None,
        wait: bool = True,
    ):
        self._store, self._rules, self._options, self._regrade, self._wait = store, rules, options, regrade, wait
        asked = options.asked_options()
        self._asked, self._conditions = str(asked), capture_conditions(asked.data)
        self._run_ids: list[int] = []
        self._attempt = register(store, path, student, rules.assignment) if student else None
        self.had_fault = bool(self._attempt and store.results.noted_fault(self._attempt))  # in its last grading

    def reusable_verdict(self) -> Result | None:
        """The verdict that this attempt already has, if it was made with the same rules, options and versions.

        A verdict that came from a fault is tried again.
        """
        if self._attempt is None or self._regrade is not None or self.had_fault:
            return None
        return self._store.results.reusable_verdict(self._attempt, self._rules, self._asked, software_versions())

    def require_same_recipe(self, spec: Spec, isolation: str) -> None:
        """Raise RecipeError if the same source gave another spec before: it would draw seeds at each grading."""
        results = self._store.results
        first = self._attempt and results.first_capture(self._attempt, isolation, self._conditions)
        if not first or first.spec_hash == spec.hash:
            return
        found = differences(first.spec, spec) if first.spec else ["the network that was refused then is another one"]
        raise RecipeError(
            f"The recipe is not the one that the same file gave at its first grading, on {first.graded:%Y-%m-%d}: "
            f"{'; '.join(found)}. {ADVICE}"
        )

    def kept_verdict(self) -> Result | None:
        """The verdict that this attempt keeps, because a regrade by the same rules and options was taken back."""
        if self._attempt is None or self._regrade is not None or self.had_fault:
            return None
        kept = self._store.results.kept_verdict(self._attempt, self._rules, self._asked)
        return kept.result if kept else None

    def run(
        self,
        spec: Spec,
        seed: int,
        isolation: str,
        train: Callable[[CheckpointStore], RunRecord],
        report_stage: Callable[[str], None],
    ) -> RunRecord:
        """The run from the store, else what `train` gives. Raises TrainedElsewhere, GraderError, RecipeError."""
        key = run_key(spec, seed, self._options)
        is_waiting = False
        while True:
            match self._store.claims.take(key, spec, self._regrade):
                case RunFinished(run_id, record):
                    report_stage(f"run with seed {seed}: trained before, taken from the store")
                    self._run_ids.append(run_id)
                    return record
                case RunBusy(run_id):
                    if not self._wait:
                        raise TrainedElsewhere(run_id)
                    if not is_waiting:
                        report_stage(f"another process is training the same recipe with seed {seed}: waiting for it")
                        self._mark_training(run_id, spec)
                    is_waiting = True
                    time.sleep(POLL_SECONDS)
                case Claim() as claim:
                    claim.isolation = isolation
                    try:
                        with claim:
                            self._mark_training(claim.run_id, spec)
                            record = train(claim)
                    except ClaimLost as error:  # then it is another process's, or to be claimed again
                        report_stage(str(error))
                    else:
                        self._run_ids.append(claim.run_id)
                        return record

    def forget_runs(self) -> None:
        """The verdict will rest on runs that follow, and on none before."""
        self._run_ids.clear()

    @property
    def run_ids(self) -> tuple[int, ...]:
        """The runs that the verdict rests on."""
        return tuple(self._run_ids)

    def record_verdict(self, result: Result, fault: str = "") -> None:
        """Record the verdict, and note a fault for a person. With `internal`, the verdict that was there stays."""
        if self._attempt is None:
            return
        if result.verdict == "internal":
            fault = " ".join(result.reasons)
        else:
            reason = self._regrade.reason if self._regrade else ""
            self._store.results.record_verdict(
                self._attempt,
                result,
                self._rules,
                self._run_ids,
                options=self._asked,
                reason=reason,
                conditions=self._conditions,
            )
        if fault:
            self._store.results.mark_internal_error(self._attempt, fault)

    def _mark_training(self, run_id: int, spec: Spec) -> None:
        if self._attempt is not None:
            self._store.results.mark_training(self._attempt, run_id, spec.epochs)
