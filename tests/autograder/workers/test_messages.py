"""What workers say is read as if an enemy had written it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.console import printable
from autograder.workers.messages import (
    EpochFinished,
    Outputs,
    Progress,
    RecipeResponse,
    TrainingFailed,
    parse_trainer_message,
)
from course.errors import GraderError


@given(st.binary(max_size=200))
def test_a_line_from_the_trainer_is_a_message_or_a_grader_error(line):
    with pytest.raises(GraderError):
        parse_trainer_message(line)


def test_messages_survive_the_way():
    for message in (
        Progress(epoch=1, step=2, steps=3),
        Outputs(data="AAAA"),
        TrainingFailed(kind="diverged", text="x"),
        EpochFinished(
            epoch=1,
            learning_rate=0.1,
            train_loss=1.0,
            train_correct=1,
            train_total=2,
            test_loss=1.0,
            correct=1,
            test_total=2,
        ),
    ):
        assert parse_trainer_message(message.line()) == message


@given(st.text())
def test_a_sentence_from_a_student_cannot_steer_a_terminal(text):
    clean = printable(text)
    assert clean.isprintable() or all(c.isprintable() or c.isspace() for c in clean)
    assert "\x1b" not in clean and "\n" not in clean and "\u202e" not in clean
    assert len(clean) <= 2000


def test_escapes_in_an_answer_are_taken_out():
    assert "\x1b" not in RecipeResponse(kind="error", text="\x1b[2Jgone").text
