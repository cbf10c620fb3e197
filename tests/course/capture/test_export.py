"""What torch.export cannot capture, or what raises in the student's code, is named with its line and source."""

from __future__ import annotations

import contextlib
import logging
import sys

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import Adam

from course.capture import capture, export_model
from course.errors import StudentCodeError
from tests.support.networks import recipe
from tests.support.student_code import SmallNet, line_of, refusal_of


class DecidesByValues(SmallNet):
    def forward(self, x):
        if x.mean() > 0:  # decides by values
            x = -x
        return super().forward(x)


class BatchSizeWrittenOut(SmallNet):
    def forward(self, x):
        return super().forward(x).view(128, 10)  # batch size


class BatchSizeAsTheExample(SmallNet):
    def forward(self, x):
        return super().forward(x).view(8, 10)


REFUSED = {  # options of the recipe, the mark of the line that is named (or None), a part of the message
    "if_on_values": ({"model": DecidesByValues}, "decides by values", "torch.where"),
    "batch_size_written_out": ({"model": BatchSizeWrittenOut}, "batch size", "one batch size"),
    "batch_size_of_the_example": ({"model": BatchSizeAsTheExample}, None, "one batch size"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_forward_that_cannot_be_exported_is_refused_with_its_line(case):
    options, mark, message = REFUSED[case]
    error = refusal_of(**options)
    assert message in str(error)
    assert error.line == (line_of(__file__, mark) if mark else None)


class RaisesInForward(SmallNet):
    def forward(self, x):
        return x / {}  # raises in forward


class RaisesInConstructor(SmallNet):
    def __init__(self):
        super().__init__()
        self.width = 1 // 0  # raises in constructor


class WrongShape(SmallNet):
    def forward(self, x):
        return F.linear(x, torch.zeros(10, 5))  # wrong shape


RAISES = {
    "forward": ({"model": RaisesInForward}, "raises in forward", "TypeError"),
    "constructor": ({"model": RaisesInConstructor}, "raises in constructor", "ZeroDivisionError"),
    "shape": ({"model": WrongShape}, "wrong shape", "28*N"),
    "optimizer": ({"optimizer": lambda p: Adam(p, rate=1)}, "raises in optimizer", "TypeError"),  # raises in optimizer
}


@pytest.mark.parametrize("case", RAISES)
def test_an_exception_in_the_students_code_is_shown_with_its_line_and_source(case):
    options, mark, message = RAISES[case]
    with pytest.raises(StudentCodeError) as caught:
        capture(recipe(**{"model": SmallNet, **options}))
    assert str(caught.value).startswith(f"Line {line_of(__file__, mark)} (")
    assert message in str(caught.value)


def test_a_model_without_a_forward_is_told_to_check_its_name_and_indentation():
    class Misspelt(nn.Module):
        def foward(self, x):
            return x

    with pytest.raises(StudentCodeError, match=r"Misspelt has no method forward\(self, x\). Check its name"):
        export_model(Misspelt(), training=True)


@pytest.mark.parametrize("level", [logging.NOTSET, logging.DEBUG, logging.ERROR])
@pytest.mark.parametrize("model", [SmallNet, RaisesInForward])
def test_export_leaves_pytorchs_logger_and_stderr_as_they_were(model, level, monkeypatch):
    logger = logging.getLogger("torch.fx")
    monkeypatch.setattr(logger, "level", level)
    stderr = sys.stderr
    with contextlib.suppress(StudentCodeError):
        export_model(model(), training=True)
    assert (logger.level, sys.stderr) == (level, stderr)


@pytest.mark.parametrize("training", [True, False])
def test_an_exported_graph_is_in_the_mode_that_was_asked_for(training):
    program = export_model(nn.Sequential(nn.Flatten(), nn.Dropout(0.3)), training)
    (dropout,) = [node for node in program.graph.nodes if "dropout" in str(node.target)]
    assert dropout.args[2] is training
