"""What the processes of one grading say to each other: one JSON object a line, read as if an enemy had written it.

supervisor -> locked   CaptureRequest, InspectRequest  locked  -> supervisor  Answer
supervisor -> trainer  TrainRequest, Scored            trainer -> supervisor  Started, Progress, Outputs, Epoch, Failed
supervisor -> scorer   ScoreRequest, Outputs           scorer  -> supervisor  Scored
"""

from __future__ import annotations

import base64
import unicodedata
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from course.errors import GraderError

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


class Answer(Message):
    """What was asked for, as JSON, or a sentence: `refused` by us, or an `error` of the student's code."""

    kind: Literal["spec", "inspection", "refused", "error"]
    text: str

    @field_validator("text")
    @classmethod
    def _printable(cls, text: str, info) -> str:
        return printable(text) if info.data.get("kind") in ("refused", "error") else text


class TrainRequest(Message):
    """`images` cuts the data down to so many (train, test) images; `state` is an Epoch's, to go on from."""

    spec: str
    seed: int
    device: str
    threads: int
    cuda_graphs: bool = False
    folder: str
    images: tuple[int, int] | None = None
    state: Annotated[str, Field(max_length=MAX_LINE)] = ""
    most_seconds: float  # a run that is projected to take longer is refused


class Started(Message):
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


class Epoch(Message):
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


class Failed(Message):
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


_LOCKED_REQUEST = TypeAdapter(Annotated[CaptureRequest | InspectRequest, Field(discriminator="kind")])
_FROM_TRAINER = TypeAdapter(Annotated[Started | Progress | Outputs | Epoch | Failed, Field(discriminator="kind")])


def locked_request(line: bytes) -> CaptureRequest | InspectRequest:
    return _LOCKED_REQUEST.validate_json(line)


def from_trainer(line: bytes) -> Started | Progress | Outputs | Epoch | Failed:
    """Raises GraderError when the line is not one of them."""
    try:
        return _FROM_TRAINER.validate_json(line)
    except ValidationError as error:
        raise GraderError(f"The trainer said something unexpected: {error.errors()[0]['msg']}.") from None


def printable(text: str, most: int = 2000) -> str:
    """One safe paragraph: no control or direction characters (a terminal obeys them), bounded in length."""
    clean = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in text[: most + 1])
    return clean if len(clean) <= most else clean[: most - 1] + "…"
