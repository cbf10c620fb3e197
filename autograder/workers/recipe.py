"""Runs inside the sandbox: captures a student's recipe as a spec, or inspects a spec without training it.

Each request has a process of its own. Its answer is untrusted, since the student's code can change this process.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import tempfile
from dataclasses import asdict

import matplotlib
from torch import nn

from autograder.sandbox import lockdown
from autograder.workers.messages import CaptureRequest, RecipeRequest, RecipeResponse, parse_recipe_request
from course.capture import capture, capture_error, export_model, other_conditions, run_recipe
from course.data import telling_train_size
from course.errors import RecipeError, StudentCodeError, is_out_of_memory
from course.inspection.checks import inspect
from course.spec import Spec

# the first use of torch.export loads 400 modules: now, so that all children of a fork server share them
export_model(nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1), nn.Dropout()), training=True)


def main() -> None:
    _find_matplotlib_folders()
    lockdown()
    response_fd = _redirect_stdout()
    request = parse_recipe_request(sys.stdin.buffer.read())
    with telling_train_size(request.train_size):
        response = respond_to(request)
    with os.fdopen(response_fd, "wb") as file:
        file.write(response.line())
    os._exit(0)  # without the student's exit handlers and threads


def respond_to(request: RecipeRequest) -> RecipeResponse:
    """The spec or the inspection, or the sentence that says why there is none."""
    try:
        return _spec_or_inspection(request)
    except BaseException as error:  # SystemExit, or whatever else of a student's is no Exception
        if not isinstance(request, CaptureRequest) or is_out_of_memory(error):
            raise
        return RecipeResponse(kind="error", text=_described(error))


def _spec_or_inspection(request: RecipeRequest) -> RecipeResponse:
    try:
        if isinstance(request, CaptureRequest):
            with other_conditions(alone=True) if request.elsewhere else contextlib.nullcontext():
                return RecipeResponse(kind="spec", text=capture(run_recipe(request.source)).to_json())
        inspection = inspect(Spec.from_json(request.spec), request.source)
        return RecipeResponse(kind="inspection", text=json.dumps(asdict(inspection)))
    except RecipeError as error:
        return RecipeResponse(kind="refused", text=str(error))
    except StudentCodeError as error:
        return RecipeResponse(kind="error", text=str(error))


def _described(error: BaseException) -> str:
    try:
        return str(capture_error(error))
    except BaseException:  # of a student's class, which may answer any question about itself by raising
        return "The recipe raises an exception that cannot be described. Raise one of Python's own, such as ValueError."


def _find_matplotlib_folders() -> None:
    """Let matplotlib, which many recipes import, look for writable folders now: after the lockdown there are none."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"MPLCONFIGDIR": folder, "MPLBACKEND": "agg"}
        matplotlib.get_configdir()
        matplotlib.get_cachedir()


def _redirect_stdout() -> int:
    """Send to stderr what the student's code prints. Returns a descriptor of stdout, for the response only."""
    response_fd = os.dup(1)
    os.dup2(2, 1)
    if isinstance(sys.stdout, io.TextIOWrapper):
        with contextlib.suppress(ValueError):  # it is closed
            sys.stdout.reconfigure(line_buffering=True)
    return response_fd


if __name__ == "__main__":
    main()
