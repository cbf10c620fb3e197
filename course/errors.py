"""Every error this package raises on purpose.

    CourseError
    ├── UsageError        the command was called with something it cannot use
    ├── DataError         MNIST could not be had
    ├── RecipeError       the recipe breaks a rule, or cannot be turned into plain data
    │   └── SpecError     plain data that is not a valid spec
    ├── StudentCodeError  the student's own code raised, hung or died
    ├── Diverged          the training loss grew beyond all measure
    └── GraderError       our fault; it never costs a student a point

A message is one or more whole sentences: the value, the limit, the next step. It is shown as it is,
without a traceback.
"""


class CourseError(Exception):
    """Base of all errors below; its text is meant for the person who meets it."""


class UsageError(CourseError):
    """The command line, or a call, asks for something that does not exist."""


class DataError(CourseError):
    """MNIST could not be found, fetched or stored."""


class RecipeError(CourseError):
    """The recipe breaks a rule or uses what cannot be captured: verdict `refused`.

    `line` is the line of the student's source that is meant (1-based), or None.
    """

    def __init__(self, message: str, line: int | None = None):
        super().__init__(message if line is None else f"Line {line}: {message}")
        self.message = message
        self.line = line


class SpecError(RecipeError):
    """Plain data that is not a valid spec."""


class StudentCodeError(CourseError):
    """The student's code raised an exception, ran out of time or memory, or died: verdict `error`."""


class Diverged(CourseError):
    """The loss became huge, infinite or not a number: verdict `fail`.

    `epoch` and `step` count from 1; `learning_rate` is that of the first parameter group at that step.
    """

    def __init__(self, epoch: int, step: int, learning_rate: float):
        super().__init__(
            f"Training diverged: the loss grew beyond all measure in epoch {epoch} at step {step}, "
            f"with learning rate {learning_rate:.4g}. Try a lower learning rate or a gentler warm-up."
        )
        self.epoch, self.step, self.learning_rate = epoch, step, learning_rate

    def __reduce__(self):
        return type(self), (self.epoch, self.step, self.learning_rate)


class GraderError(CourseError):
    """Something of ours went wrong: verdict `internal`. The submission keeps whatever it had."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out; torch has no class of its own for it on the CPU."""
    return isinstance(error, MemoryError) or "can't allocate memory" in str(error)
