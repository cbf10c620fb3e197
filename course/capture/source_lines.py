"""Where in the student's source something happened: the innermost frame that is neither PyTorch's nor the course's."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from types import CodeType, FrameType

import torch

_TORCH = str(Path(torch.__file__).parent)
_COURSE = str(Path(__file__).parents[1])


def is_student_file(filename: str) -> bool:
    """Whether the student wrote this file (or notebook cell)."""
    return (
        not filename.startswith((_TORCH, _COURSE, "<frozen", "<string>", "<eval_with_key>"))
        and "/lib/python" not in filename
    )


def student_line(error: BaseException) -> tuple[int | None, str]:
    """Line number and code where `error` left the student's source; (None, "") when it did not pass through it."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if is_student_file(frame.filename):
            return frame.lineno, (frame.line or "")[:120]
    return None, ""


def current_student_line(caller: CodeType) -> int | None:
    """The student's line that is running; None when there is none between here and `caller`, a function of the course.

    Lines of a forward are skipped: where a constructor calls forward, the line that calls it is reported.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code is not caller:
        if is_student_file(frame.f_code.co_filename) and frame.f_code.co_name != "forward":
            return frame.f_lineno
        frame = frame.f_back
    return None
