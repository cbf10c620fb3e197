"""What runs inside the sandbox: a student's recipe, once, to its spec; or a spec, untrained, to its inspection.

Each request has a locked process of its own. What it prints is not to be believed.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from dataclasses import asdict

import matplotlib
from torch import nn

from autograder.sandbox import lockdown
from autograder.workers.messages import CaptureRequest, InspectRequest, RecipeResponse, parse_recipe_request
from course.capture import capture, export_model, run_recipe
from course.errors import RecipeError, StudentCodeError
from course.inspection import inspect
from course.spec import Spec

# torch.export loads 400 modules with its first use: that is now, so that all children of a nursery share them
export_model(nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1), nn.Dropout()), training=True)


def main() -> None:
    _settle_matplotlib()
    lockdown()
    answer_to = _own_stdout()
    answer = answer_for(parse_recipe_request(sys.stdin.buffer.read()))
    with os.fdopen(answer_to, "wb") as out:
        out.write(answer.line())
    os._exit(0)  # whatever the student left to run at exit does not


def answer_for(request: CaptureRequest | InspectRequest) -> RecipeResponse:
    """The spec or the inspection, or the sentence that says why there is none."""
    try:
        if isinstance(request, CaptureRequest):
            return RecipeResponse(kind="spec", text=capture(run_recipe(request.source)).to_json())
        return RecipeResponse(kind="inspection", text=json.dumps(asdict(inspect(Spec.from_json(request.spec)))))
    except RecipeError as error:
        return RecipeResponse(kind="refused", text=str(error))
    except StudentCodeError as error:
        return RecipeResponse(kind="error", text=str(error))


def _settle_matplotlib() -> None:
    """Many recipes import it, and it asks for a folder to write to: once, so it can have one until the lock."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"MPLCONFIGDIR": folder, "MPLBACKEND": "agg"}
        matplotlib.get_configdir()
        matplotlib.get_cachedir()


def _own_stdout() -> int:
    """Keep stdout for the answer alone: what the student prints goes to stderr."""
    kept = os.dup(1)
    os.dup2(2, 1)
    with contextlib.suppress(ValueError):
        sys.stdout.reconfigure(line_buffering=True)
    return kept


if __name__ == "__main__":
    main()
