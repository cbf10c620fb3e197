"""The messages between the processes of one grading: one JSON object per line, validated as untrusted data.

supervisor -> recipe   CaptureRequest or InspectRequest
recipe -> supervisor   RecipeResponse
supervisor -> trainer  TrainRequest, Scored
trainer -> supervisor  RunStarted, Progress, Outputs, EpochFinished, TrainingFailed
supervisor -> scorer   ScoreRequest, Outputs
scorer -> supervisor   Scored
"""

from __future__ import annotations

import base64
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from autograder.console import printable
from course.data import DataFiles
from course.errors import GraderError
from course.recipe import TRAIN_IMAGES
from course.spec import first_validation_error
from course.training.results import EpochResult

MAX_LINE = 8_000_000  # bytes; outputs for 10,000 images take 0.54 MB, a spec up to 4 MB


class Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def line(self) -> bytes:
        return self.model_dump_json().encode() + b"\n"


class CaptureRequest(Message):
    """`elsewhere`: under other conditions than usual, see `course.capture.repeatability`."""

    kind: Literal["capture"] = "capture"
    source: str
    train_size: int = TRAIN_IMAGES  # the number of training images
    elsewhere: bool = False


class InspectRequest(Message):
    """`source` is the recipe's, for remarks; it is not run."""

    kind: Literal["inspect"] = "inspect"
    spec: str
    source: str = ""
    train_size: int = TRAIN_IMAGES


class RecipeResponse(Message):
    """The spec or inspection as JSON, or a sentence: `refused` by the course, or an `error` of the student's."""

    kind: Literal["spec", "inspection", "refused", "error"]
    text: str

    @field_validator("text")
    @classmethod
    def _printable(cls, text: str, info: ValidationInfo) -> str:
        return printable(text) if info.data.get("kind") in ("refused", "error") else text


class TrainRequest(Message):
    """Trains on `train_size` images of the training set; `images` reduces them further, to the first (train, test).

    `state` is an EpochFinished's, to resume from.
    """

    spec: str
    seed: int
    device: str
    threads: int
    data: DataFiles
    train_size: int
    images: tuple[int, int] | None = None
    state: Annotated[str, Field(max_length=MAX_LINE)] = ""
    max_seconds: float  # a run that is projected to take longer is refused


class RunStarted(Message):
    kind: Literal["started"] = "started"
    device: str
    device_name: str
    threads: int
    resumed: int  # the number of epochs that were finished before


class Progress(Message):
    kind: Literal["progress"] = "progress"
    epoch: int
    step: int
    steps: int
    memory: float = 0.0  # the share of the GPU's memory that is in use, by whatever program

    @property
    def epochs(self) -> float:
        """How many epochs of the run are finished, the present one in part."""
        return self.epoch - 1 + self.step / self.steps


class Remark(Message):
    """A sentence about the run for whoever watches it."""

    kind: Literal["remark"] = "remark"
    text: Annotated[str, AfterValidator(printable)]


class Outputs(Message):
    """The network's outputs, float32 (N, 10), row by row, as base64."""

    kind: Literal["outputs"] = "outputs"
    data: Annotated[str, Field(max_length=MAX_LINE)]

    def raw(self) -> bytes:
        return base64.b64decode(self.data, validate=True)


class EpochFinished(Message):
    """`state`, as base64, is what a trainer needs to resume after this epoch; no other process decodes it."""

    kind: Literal["epoch"] = "epoch"
    result: EpochResult
    state: Annotated[str, Field(max_length=MAX_LINE)] = ""


class TrainingFailed(Message):
    kind: Literal["diverged", "refused", "internal"]
    text: Annotated[str, AfterValidator(printable)]


class ScoreRequest(Message):
    data: DataFiles
    loss: Literal["nll", "cross_entropy"]
    images: int | None = None


class Scored(Message):
    """`wrong` is for the supervisor only: a trainer that learned it would learn labels."""

    loss: float
    correct: int
    wrong: tuple[tuple[int, int], ...] = ()


RecipeRequest = CaptureRequest | InspectRequest
TrainerMessage = RunStarted | Remark | Progress | Outputs | EpochFinished | TrainingFailed

_RECIPE_REQUEST: TypeAdapter[RecipeRequest] = TypeAdapter(Annotated[RecipeRequest, Field(discriminator="kind")])
_TRAINER_MESSAGE: TypeAdapter[TrainerMessage] = TypeAdapter(Annotated[TrainerMessage, Field(discriminator="kind")])


def parse_recipe_request(line: bytes) -> RecipeRequest:
    return _RECIPE_REQUEST.validate_json(line)


def parse_trainer_message(line: bytes) -> TrainerMessage:
    """Raises GraderError when the line is not one of these messages."""
    try:
        return _TRAINER_MESSAGE.validate_json(line)
    except ValidationError as error:
        _, problem = first_validation_error(error)
        raise GraderError(f"The trainer sent an invalid message: {problem}.") from None
