"""A recipe's source -> spec and inspection, both found in locked processes: nothing of a student's runs in this one."""

from __future__ import annotations

import contextlib
import signal
import threading

from pydantic import TypeAdapter, ValidationError

from autograder import sandbox
from autograder.workers.messages import CaptureRequest, InspectRequest, RecipeResponse
from course.errors import GraderError, RecipeError, StudentCodeError
from course.inspection import Inspection
from course.spec import Spec

MODULE = "autograder.workers.recipe"
LIMITS = sandbox.Limits(threads=16)  # the autograd engine starts one of its own
_INSPECTION = TypeAdapter(Inspection)


class RecipeSandbox(contextlib.AbstractContextManager):
    """Takes recipes in. `warm` keeps one process with PyTorch loaded and forks it for each: for many submissions.

    Several threads may use it; a warm one takes in one recipe at a time.
    """

    def __init__(self, tier: sandbox.Tier, *, warm: bool = False, limits: sandbox.Limits = LIMITS):
        self.tier, self.limits = tier, limits
        self._nursery = sandbox.ForkServer(MODULE, tier=tier) if warm else None
        self._alone = threading.Lock()

    def __exit__(self, *_) -> None:
        if self._nursery is not None:
            self._nursery.close()

    def capture(self, source: str) -> Spec:
        """Run the source once. Raises RecipeError (refused), StudentCodeError (raised, hung or died), GraderError."""
        finished = self._run(CaptureRequest(source=source).line())
        if sentence := self._ending(finished, "The recipe"):
            raise StudentCodeError(sentence)
        try:
            answer = RecipeResponse.model_validate_json(finished.stdout)
        except ValidationError:
            raise StudentCodeError(
                f"The recipe's process ended (exit code {finished.returncode}) before the recipe was complete. "
                "Remove calls such as exit() or os._exit()."
            ) from None
        return Spec.from_json(_text(answer, "spec"))

    def inspect(self, spec: Spec) -> Inspection:
        """What needs no training. Raises RecipeError, StudentCodeError, GraderError."""
        finished = self._run(InspectRequest(spec=spec.to_json()).line())
        if sentence := self._ending(finished, "Trying out the network"):
            raise RecipeError(sentence)
        try:
            return _INSPECTION.validate_json(_text(RecipeResponse.model_validate_json(finished.stdout), "inspection"))
        except ValidationError:
            line = sandbox.last_stderr_line(finished.stderr) or "none"
            raise GraderError(
                f"The inspection ended early, with exit code {finished.returncode}. Last line of stderr: {line}"
            ) from None

    def _run(self, request: bytes) -> sandbox.SandboxResult:
        finished = self._once(request)
        # killed, but not by us nor by its own limits: somebody else's doing, unless it happens again
        outside = finished.ended == "memory" and finished.returncode == -signal.SIGKILL
        return self._once(request) if outside else finished

    def _once(self, request: bytes) -> sandbox.SandboxResult:
        if self._nursery is not None:
            with self._alone:
                return self._nursery.run(request, limits=self.limits)
        return sandbox.run(["-m", MODULE], tier=self.tier, limits=self.limits, stdin=request)

    def _ending(self, finished: sandbox.SandboxResult, what: str) -> str:
        """The sentence for a process that did not end by itself; empty when it did."""
        limits = self.limits
        return {
            "timeout": f"{what} was still running after {limits.seconds:.0f} seconds. A recipe only defines things; "
            "training happens in the grader. Look for an endless loop, a sleep or a download.",
            "output": f"{what} printed more than {limits.output / 1e6:.0f} MB. Remove the print in its loop.",
            "memory": f"{what} needed more than {limits.memory / 2**30:.0f} GiB of memory. "
            "Look for a very large tensor or list.",
            "killed": f"{what} died (signal {-finished.returncode}). Look for what ends Python itself.",
        }.get(finished.ended, "")


def _text(answer: RecipeResponse, wanted: str) -> str:
    if answer.kind == "refused":
        raise RecipeError(answer.text)
    if answer.kind == "error":
        raise StudentCodeError(answer.text)
    if answer.kind != wanted:
        raise StudentCodeError("The recipe's process gave an answer that it was not asked for. Leave its output alone.")
    return answer.text
