"""What the processes of one grading say to each other: one JSON object a line, read as if an enemy had written it.

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

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from autograder.console import printable
from course.errors import GraderError
from course.spec import first_validation_error

MAX_LINE = 8_000_000  # bytes; outputs for 10,000 images take 0.54 MB, a spec up to 4 MB


class Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def line(self) -> bytes:
        return self.model_dump_json().encode() + b"\n"


class CaptureRequest(Message):
    kind: Literal["capture"] = "capture"
    source: str


class InspectRequest(Message):
    kind: Literal["inspect"] = "inspect"
    spec: str


class RecipeResponse(Message):
    """What was asked for, as JSON, or a sentence: `refused` by us, or an `error` of the student's code."""

    kind: Literal["spec", "inspection", "refused", "error"]
    text: str

    @field_validator("text")
    @classmethod
    def _printable(cls, text: str, info) -> str:
        return printable(text) if info.data.get("kind") in ("refused", "error") else text


class TrainRequest(Message):
    """`images` cuts the data down to so many (train, test) images; `state` is an EpochFinished's, to go on from."""

    spec: str
    seed: int
    device: str
    threads: int
    cuda_graphs: bool = False
    folder: str
    images: tuple[int, int] | None = None
    state: Annotated[str, Field(max_length=MAX_LINE)] = ""
    max_seconds: float  # a run that is projected to take longer is refused


class RunStarted(Message):
    kind: Literal["started"] = "started"
    device: str
    device_name: str
    threads: int
    resumed: int  # epochs that were finished before


class Progress(Message):
    kind: Literal["progress"] = "progress"
    epoch: int
    step: int
    steps: int


class Outputs(Message):
    """float32 (N, 10), row by row, as base64."""

    kind: Literal["outputs"] = "outputs"
    data: Annotated[str, Field(max_length=MAX_LINE)]

    def raw(self) -> bytes:
        return base64.b64decode(self.data, validate=True)


class EpochFinished(Message):
    """An EpochResult; `correct` and `test_loss` are what the scorer answered.

    `state` is what a restart after this epoch needs, as base64; nobody but a trainer reads into it.
    """

    kind: Literal["epoch"] = "epoch"
    epoch: int
    learning_rate: float
    train_loss: float
    train_correct: int
    train_total: int
    test_loss: float
    correct: int
    test_total: int
    state: Annotated[str, Field(max_length=MAX_LINE)] = ""


class TrainingFailed(Message):
    kind: Literal["diverged", "refused", "internal"]
    text: str

    @field_validator("text")
    @classmethod
    def _printable(cls, text: str) -> str:
        return printable(text)


class ScoreRequest(Message):
    folder: str
    loss: Literal["nll", "cross_entropy"]
    images: int | None = None


class Scored(Message):
    """`wrong` is for the supervisor alone: a trainer that knew it would know labels."""

    loss: float
    correct: int
    wrong: tuple[tuple[int, int], ...] = ()


RecipeRequest = CaptureRequest | InspectRequest
TrainerMessage = RunStarted | Progress | Outputs | EpochFinished | TrainingFailed

_RECIPE_REQUEST: TypeAdapter[RecipeRequest] = TypeAdapter(Annotated[RecipeRequest, Field(discriminator="kind")])
_TRAINER_MESSAGE: TypeAdapter[TrainerMessage] = TypeAdapter(Annotated[TrainerMessage, Field(discriminator="kind")])


def parse_recipe_request(line: bytes) -> RecipeRequest:
    return _RECIPE_REQUEST.validate_json(line)


def parse_trainer_message(line: bytes) -> TrainerMessage:
    """Raises GraderError when the line is not one of them."""
    try:
        return _TRAINER_MESSAGE.validate_json(line)
    except ValidationError as error:
        _, problem = first_validation_error(error)
        raise GraderError(f"The trainer sent an unexpected message: {problem}.") from None
