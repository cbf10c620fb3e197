"""A model's forward as PyTorch's exported graph, and what went wrong in the student's terms when it cannot be one."""

from __future__ import annotations

import contextlib
import io
import logging
import re
import traceback
import warnings
from collections.abc import Iterator

import torch
from torch import nn
from torch.export import ExportedProgram

from course.capture.explanations import explain
from course.capture.source_lines import student_line
from course.capture.unsupported import batch_in_parts
from course.errors import RecipeError, StudentCodeError, error_text

EXAMPLE_BATCH_SIZE = 8
_ONE_SIZE = "works for one batch size"
_SYMBOLIC_BATCH_SIZE = re.compile(r"\bs\d+\b")  # torch.export's name for the free batch size
_FIXED_VIEW = re.compile(r"shape '\[[\d, ]+\]' is invalid for input of size .*\bs\d+\b")  # a view without -1


def export_model(model: nn.Module, training: bool) -> ExportedProgram:
    """`torch.export` of a forward in train or eval mode, with a free batch size.

    Raises RecipeError or StudentCodeError with the student's line.
    """
    model.train(training)
    if type(model).forward is nn.Module.forward:
        name = type(model).__name__
        raise StudentCodeError(f"{name} has no method forward(self, x). Check its name and indentation.")
    batch = torch.export.Dim("batch", min=2, max=65_536)
    try:
        with _silence():
            return torch.export.export(
                model, (torch.zeros(EXAMPLE_BATCH_SIZE, 1, 28, 28),), dynamic_shapes=({0: batch},), strict=False
            )
    except Exception as error:  # whatever the student's forward or torch.export raises becomes one sentence
        explained = capture_error(error)
        if _ONE_SIZE in str(explained) and (sentence := batch_in_parts(model)):
            explained = RecipeError(sentence)
        raise explained from error


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Hide torch.export's warnings, logs and stderr: what goes wrong is raised as one sentence instead."""
    logger = logging.getLogger("torch.fx")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def capture_error(error: BaseException) -> RecipeError | StudentCodeError:
    """What went wrong while a model was built or captured, in the student's terms."""
    if isinstance(error, RecipeError):
        return error
    line, code = student_line(error)
    text, name = error_text(error), type(error).__name__
    shown_code = f" ({code})" if code else ""
    where = f"Line {line}{shown_code}: " if line else ""
    if "GuardOnDataDependent" in name or "data-dependent" in text:
        return RecipeError(f"Your network decides by the values of its input{shown_code}. Use torch.where.", line)
    if "Constraints violated" in text or "specialized" in text or _FIXED_VIEW.match(text):
        return RecipeError(
            f"Your network only {_ONE_SIZE}{shown_code}. Use x.size(0) or -1 instead of len(x) or a batch size written "
            "as a number: x.flatten(1), or x.view(-1, 64). Work on the whole batch: a loop over its images, a part of "
            "it, or an if on its size has another length at the end of an epoch and in the test.",
            line,
        )
    if "fake tensor" in text:
        return RecipeError(
            "Your network's forward trains, or keeps a tensor for later. Let it depend on its input and the parameters "
            "alone, and change nothing.",
            line,
        )
    if any("/torch/jit/" in frame.filename for frame in traceback.extract_tb(error.__traceback__)):
        return RecipeError(
            "Leave torch.jit.script and torch.jit.trace out: hand in the network itself, which the grader compiles in "
            "its own way.",
            line,
        )
    if "can't allocate memory" in text:
        return StudentCodeError(f"{where}this needs more memory than there is. Look for a very large tensor.")
    text = _SYMBOLIC_BATCH_SIZE.sub("N", text)
    first_line = text.strip().splitlines()[0][:300] if text.strip() else "no message"
    if explanation := explain(text):
        return StudentCodeError(f"{where}{explanation} ({name}: {first_line})")
    return StudentCodeError(f"{where}{name}: {first_line}")
