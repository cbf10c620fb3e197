"""What workers send is validated as untrusted data."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.workers.messages import (
    EpochFinished,
    Outputs,
    Progress,
    RecipeResponse,
    TrainingFailed,
    parse_trainer_message,
)
from course.errors import GraderError
from course.training.results import EpochResult

EPOCH = EpochResult(1, 0.1, 1.0, 1, 2, 1.0, 1, 2)


@given(st.binary(max_size=200))
def test_a_line_from_the_trainer_is_a_message_or_a_grader_error(line):
    with pytest.raises(GraderError):
        parse_trainer_message(line)


def test_messages_survive_the_way():
    for message in (
        Progress(epoch=1, step=2, steps=3),
        Outputs(data="AAAA"),
        TrainingFailed(kind="diverged", text="x"),
        EpochFinished(result=EPOCH, state="AAAA"),
    ):
        assert parse_trainer_message(message.line()) == message


@pytest.mark.parametrize(
    "change",
    [
        {"epoch": "1"},
        {"epoch": 1.5},
        {"train_loss": "1.0"},
        {"train_loss": float("inf")},
        {"more": 1},
        {"correct": None},
    ],
)
def test_an_epoch_with_a_field_of_another_type_is_no_message(change):
    message = json.loads(EpochFinished(result=EPOCH).line())
    message["result"] |= change
    with pytest.raises(GraderError, match="invalid message"):
        parse_trainer_message(json.dumps(message).encode())


def test_control_characters_in_a_sentence_are_taken_out():
    assert "\x1b" not in RecipeResponse(kind="error", text="\x1b[2Jgone").text
    assert "\x1b" not in TrainingFailed(kind="diverged", text="\x1b[2Jgone").text


def test_a_spec_is_handed_on_as_it_is():
    assert RecipeResponse(kind="spec", text="a\nb").text == "a\nb"
