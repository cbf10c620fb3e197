"""What workers say is read as if an enemy had written it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.workers.messages import Answer, Epoch, Failed, Outputs, Progress, from_trainer, printable
from course.errors import GraderError


@given(st.binary(max_size=200))
def test_a_line_from_the_trainer_is_a_message_or_a_grader_error(line):
    with pytest.raises(GraderError):
        from_trainer(line)


def test_messages_survive_the_way():
    for message in (
        Progress(epoch=1, step=2, steps=3),
        Outputs(data="AAAA"),
        Failed(kind="diverged", text="x"),
        Epoch(
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
        assert from_trainer(message.line()) == message


@given(st.text())
def test_a_sentence_from_a_student_cannot_steer_a_terminal(text):
    clean = printable(text)
    assert clean.isprintable() or all(c.isprintable() or c.isspace() for c in clean)
    assert "\x1b" not in clean and "\n" not in clean and "\u202e" not in clean
    assert len(clean) <= 2000


def test_escapes_in_an_answer_are_taken_out():
    assert "\x1b" not in Answer(kind="error", text="\x1b[2Jgone").text
