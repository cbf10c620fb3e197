"""A recipe's source -> spec -> inspection, both computed in sandboxed processes: this process runs no student code."""

from __future__ import annotations

import signal
import threading
from typing import Self

from pydantic import TypeAdapter, ValidationError

from autograder import sandbox
from autograder.workers.messages import CaptureRequest, InspectRequest, RecipeResponse
from course.errors import GraderError, RecipeError, StudentCodeError
from course.inspection.record import Inspection
from course.recipe import TRAIN_IMAGES
from course.spec import ADVICE, Spec, require_same

MODULE = "autograder.workers.recipe"
LIMITS = sandbox.Limits(threads=16)  # PyTorch's autograd engine starts one of its own
ELSEWHERE = {"PYTHONHASHSEED": "20270405"}  # of the second capture: sets of strings have another order
_INSPECTION = TypeAdapter(Inspection)


class _Processes:
    """Starts the processes of one kind; `variables` are set in their environment."""

    def __init__(self, tier: sandbox.Tier, warm: bool, variables: dict[str, str]):
        self._tier, self._variables = tier, variables
        self._fork_server = sandbox.ForkServer(MODULE, tier=tier, variables=variables) if warm else None
        self._lock = threading.Lock()

    def run(self, request: bytes, limits: sandbox.Limits) -> sandbox.SandboxResult:
        if self._fork_server is not None:
            with self._lock:
                return self._fork_server.run(request, limits=limits)
        return sandbox.run(["-m", MODULE], tier=self._tier, limits=limits, stdin=request, variables=self._variables)

    def close(self) -> None:
        if self._fork_server is not None:
            self._fork_server.close()


class RecipeSandbox:
    """Captures and inspects recipes. A context manager.

    `warm` forks each process from one that has PyTorch loaded, which pays off for many submissions. Several threads
    may use it; a warm one then handles one recipe at a time.
    """

    def __init__(self, tier: sandbox.Tier, *, warm: bool = False, limits: sandbox.Limits = LIMITS):
        self.tier, self.limits = tier, limits
        self._usual, self._elsewhere = _Processes(tier, warm, {}), _Processes(tier, warm, ELSEWHERE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._usual.close()
        self._elsewhere.close()

    def capture(self, source: str, train_size: int = TRAIN_IMAGES, *, elsewhere: bool = False) -> Spec:
        """Run the source once. Raises RecipeError (refused), StudentCodeError (raised, hung or died), GraderError.

        `train_size` is the number of training images, on which the length of a schedule depends. `elsewhere`: in a
        process with another clock, other drawn numbers and another order of hashes.
        """
        processes = self._elsewhere if elsewhere else self._usual
        result = self._run(CaptureRequest(source=source, train_size=train_size, elsewhere=elsewhere).line(), processes)
        if sentence := self._limit_exceeded(result, "The recipe"):
            raise StudentCodeError(sentence)
        try:
            response = RecipeResponse.model_validate_json(result.stdout)
        except ValidationError:
            raise StudentCodeError(
                f"The recipe's process ended (exit code {result.returncode}) before the recipe was complete. "
                "Remove calls such as exit() or os._exit()."
            ) from None
        return Spec.from_json(_text(response, "spec"))

    def confirm(self, source: str, spec: Spec, train_size: int = TRAIN_IMAGES) -> None:
        """Raise RecipeError unless the source gives `spec` under other conditions too; else as `capture` does."""
        try:
            again = self.capture(source, train_size, elsewhere=True)
        except (RecipeError, StudentCodeError) as error:
            problem = str(error).rstrip(".")
            raise RecipeError(f"The recipe works once, and not when it is run again: {problem}. {ADVICE}") from None
        require_same(spec, again)

    def inspect(self, spec: Spec, source: str = "", train_size: int = TRAIN_IMAGES) -> Inspection:
        """All that can be known without training. Raises RecipeError, StudentCodeError, GraderError.

        `source` is the recipe's, which is not run here: remarks name its lines.
        """
        request = InspectRequest(spec=spec.to_json(), source=source, train_size=train_size)
        result = self._run(request.line(), self._usual)
        if sentence := self._limit_exceeded(result, "Trying out the network"):
            raise RecipeError(sentence)
        try:
            return _INSPECTION.validate_json(_text(RecipeResponse.model_validate_json(result.stdout), "inspection"))
        except ValidationError:
            line = sandbox.last_stderr_line(result.stderr) or "none"
            raise GraderError(
                f"The inspection ended early, with exit code {result.returncode}. Last line of stderr: {line}"
            ) from None

    def _run(self, request: bytes, processes: _Processes) -> sandbox.SandboxResult:
        result = processes.run(request, self.limits)
        # SIGKILL that neither the supervisor nor a limit of the process caused: something else may have sent it, or
        # the machine was short of memory; the second time it counts
        killed_from_outside = result.ended == "memory" and result.returncode == -signal.SIGKILL
        return processes.run(request, self.limits) if killed_from_outside else result

    def _limit_exceeded(self, result: sandbox.SandboxResult, what: str) -> str:
        """The sentence for a process that did not end by itself; empty if it did."""
        limits = self.limits
        return {
            "timeout": f"{what} was still running after {limits.seconds:.0f} seconds. A recipe only defines things; "
            "training happens in the grader. Look for an endless loop, a sleep or a download.",
            "output": f"{what} printed more than {limits.output / 1e6:.0f} MB. Remove the print in its loop.",
            "memory": f"{what} needed more than {limits.memory / 2**30:.0f} GiB of memory. "
            "Look for a very large tensor or list.",
            "killed": f"{what} died (signal {-result.returncode}). Look for code that makes Python itself crash.",
        }.get(result.ended, "")


def _text(response: RecipeResponse, wanted: str) -> str:
    if response.kind == "refused":
        raise RecipeError(response.text)
    if response.kind == "error":
        raise StudentCodeError(response.text)
    if response.kind != wanted:
        raise StudentCodeError(
            f"The recipe's process answered with {response.kind!r} instead of {wanted!r}. "
            "A recipe must not write the grader's answers itself."
        )
    return response.text
