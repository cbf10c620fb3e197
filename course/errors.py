"""Every error this package raises on purpose.

    CourseError
    ├── UsageError        a command or function was called with something it cannot use
    ├── DataError         MNIST could not be found, downloaded or stored
    ├── RecipeError       the recipe breaks a rule, or cannot be turned into plain data
    │   └── SpecError     plain data that is not a valid spec
    ├── StudentCodeError  the student's own code raised an exception, hung or died
    ├── Diverged          the training loss became too large or is not a number
    ├── OutputsNotFinite  a trained network has no answer for most test images
    └── GraderError       the grader's own fault; it never costs a student a point

A message is one or more complete sentences: the value, the limit, the next step. It is shown without a traceback.
"""

from __future__ import annotations


class CourseError(Exception):
    """Base of all errors below; its text is written for the person who sees it."""


class UsageError(CourseError):
    """A command or a call asks for something that does not exist."""


class DataError(CourseError):
    """MNIST could not be found, downloaded or stored."""


class RecipeError(CourseError):
    """The recipe breaks a rule or uses something that cannot be captured: verdict `refused`.

    `line` is the line of the student's source that the message is about (1-based), or None.
    """

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message if line is None else f"Line {line}: {message}")
        self.message = message
        self.line = line


class SpecError(RecipeError):
    """Plain data that is not a valid spec."""


class StudentCodeError(CourseError):
    """The student's code raised an exception, ran out of time or memory, or died: verdict `error`."""


class Diverged(CourseError):
    """The loss exceeded `max_loss`, or became infinite or not a number: verdict `fail`.

    `epoch` and `step` count from 1; `learning_rate` is that of the first parameter group at that step.
    """

    def __init__(self, epoch: int, step: int, learning_rate: float, max_loss: float) -> None:
        super().__init__(
            f"Training diverged in epoch {epoch}, step {step}, at learning rate {learning_rate:.4g}: the loss is no "
            f"longer finite or has grown beyond {max_loss:,.0f}. Try a lower learning rate or a warm-up."
        )
        self.epoch, self.step, self.learning_rate, self.max_loss = epoch, step, learning_rate, max_loss

    def __reduce__(self) -> tuple[type[Diverged], tuple[int, int, float, float]]:
        # pickled by its arguments: BaseException would call the class with the message alone
        return type(self), (self.epoch, self.step, self.learning_rate, self.max_loss)


class OutputsNotFinite(CourseError):
    """A trained network's outputs for most of the test images are infinite or not numbers: verdict `fail`."""


class GraderError(CourseError):
    """The grader itself failed: verdict `internal`. The submission keeps the score it had."""


MAX_TEXT = 100_000  # characters


def plural(number: int, noun: str) -> str:
    """`1 epoch`, `2 epochs`, `1,234 epochs`: for the sentences of messages."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def error_text(error: BaseException) -> str:
    """What an exception says of itself. A class of a student's may answer with anything, or raise."""
    try:
        return str.__getitem__(str(error), slice(MAX_TEXT))  # of a subclass of str too, which may do anything
    except BaseException as second:
        return f"its __str__ raised {type(second).__name__}"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out; on the CPU, torch has no exception class of its own for it."""
    return issubclass(type(error), MemoryError) or "can't allocate memory" in error_text(error)
