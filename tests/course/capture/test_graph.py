"""A forward becomes nodes that lead back to the student's source; what a graph cannot contain is refused."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course.capture import capture
from course.capture.graph import TensorRegistry, capture_graph
from course.spec import NodeRef
from tests.support.networks import around, recipe
from tests.support.student_code import SmallNet, line_of, refusal_of


class Named(SmallNet):
    def forward(self, x):
        return self.end(self.conv(x))  # plain


def test_layers_and_lines_lead_back_to_the_students_source():
    nodes = capture(recipe(Named)).network.train.nodes
    convolution = next(n for n in nodes if n.op == "aten.conv2d.default")
    assert (convolution.layer, convolution.line) == ("conv", line_of(__file__, "plain"))


class Renamed(SmallNet):
    """Its convolution is called `name`, and so is a buffer."""

    def __init__(self, name="Schicht 1-größe"):
        super().__init__()
        self.name = name
        self.add_module(name, self._modules.pop("conv"))
        self.register_buffer(f"{name} maß", torch.ones(1))

    def forward(self, x):
        return self.end(self.get_submodule(self.name)(x) * self.get_buffer(f"{self.name} maß"))


def test_names_may_be_of_any_script_and_hold_spaces():
    spec = capture(recipe(Renamed))
    assert [tensor.name for tensor in spec.network.tensors] == [
        "Schicht 1-größe.weight",
        "Schicht 1-größe.bias",
        "Schicht 1-größe maß",
    ]
    assert spec.optimizer.groups[0].params == ("Schicht 1-größe.weight", "Schicht 1-größe.bias")
    assert "Schicht 1-größe" in {node.layer for node in spec.network.eval.nodes}


@pytest.mark.parametrize("name", ["\N{GRINNING FACE}", "a\nb", "<b>", " first", "n" * 300])
def test_another_name_is_refused_with_what_it_may_hold(name):
    error = str(refusal_of(model=lambda: Renamed(name)))
    assert repr(f"{name}.weight"[:80]) in error and "letters, digits, spaces, _ and -" in error


def test_a_forward_may_ask_for_another_memory_layout():
    class ChannelsLast(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 10, 5)

        def forward(self, x):
            return F.log_softmax(self.conv(x.to(memory_format=torch.channels_last)).amax((2, 3)), 1)

    assert capture(recipe(ChannelsLast)).network.train.nodes


def test_two_constants_of_one_name_and_other_numbers_stay_two():
    class Shifts(nn.Module):
        def forward(self, x):
            return x + torch.tensor([0.25, 0.5, 0.75, 1.0] if self.training else [0.0, 0.0, 0.0, 0.0])[:, None, None]

    spec = capture(recipe(lambda: around(Shifts())))
    constants = [t for t in spec.network.tensors if t.kind == "constant"]
    assert len({t.name for t in constants}) == 2


def test_a_spec_does_not_depend_on_whether_the_capturing_machine_has_cudnn():
    model = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 10)
    )
    for training in (True, False):
        graph = capture_graph(model, training, TensorRegistry(model))
        (batch_norm,) = [node for node in graph.nodes if node.operator == "batch_norm"]
        assert batch_norm.args[5] is training and batch_norm.args[8] is True


def test_the_counter_of_batch_norm_is_no_tensor_of_the_network_unless_something_reads_it():
    model = nn.Sequential(nn.Conv2d(1, 10, 28), nn.BatchNorm2d(10), nn.Flatten())
    registry = TensorRegistry(model)
    capture_graph(model, True, registry)
    assert [entry.name for entry in registry.entries if entry.kind == "buffer"] == ["1.running_mean", "1.running_var"]

    class Reads(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm2d(4)

        def forward(self, x):
            return self.norm(x) / (1 + self.norm.num_batches_tracked)

    model = around(Reads())
    registry = TensorRegistry(model)
    capture_graph(model, True, registry)
    assert "body.1.norm.num_batches_tracked" in [entry.name for entry in registry.entries]


def test_a_tensor_with_two_names_is_one_tensor():
    model = SmallNet()
    model.alias = model.conv.weight
    registry = TensorRegistry(model)
    graph = capture_graph(model, True, registry)
    assert [entry.name for entry in registry.entries] == ["alias", "conv.bias"]
    assert graph.output == NodeRef(node=len(graph.nodes) - 1)


def test_constants_that_are_equal_as_a_spec_writes_them_stay_different():
    class Constants(SmallNet):
        def __init__(self):
            super().__init__()
            setattr(self, "a+b", torch.zeros(2))
            setattr(self, "a*b", torch.ones(3))

        def forward(self, x):
            return super().forward(x) + getattr(self, "a+b").sum() + getattr(self, "a*b").sum()

    constants = [t.name for t in capture(recipe(Constants)).network.tensors if t.kind == "constant"]
    assert constants == ["a_b", "a_b_"]


class TakesItem(SmallNet):
    def forward(self, x):
        return super().forward(x * x.std().item())  # item


class PicksByMask(SmallNet):
    def forward(self, x):
        return super().forward(x) + x[x > 0].mean()  # mask


class ElevenOutputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(784, 11)

    def forward(self, x):
        return self.fc(x.flatten(1))  # eleven


class ReturnsTwo(SmallNet):
    def forward(self, x):
        return super().forward(x), x


class ReturnsItsInput(SmallNet):
    def forward(self, x):
        return x


class SingularValues(SmallNet):
    def forward(self, x):
        return super().forward(x * torch.linalg.svdvals(x)[..., :1, None])  # svd


class Fourier(SmallNet):
    def forward(self, x):
        return super().forward(torch.fft.fft2(x).abs())  # fft


class WithoutGradients(SmallNet):
    def forward(self, x):
        with torch.no_grad():
            x = self.conv(x)
        return self.end(x)


REFUSED = {  # options of the recipe, the mark of the line that is named (or None), a part of the message
    "item": ({"model": TakesItem}, "item", "torch.where"),
    "boolean_mask": ({"model": PicksByMask}, "mask", "torch.where"),
    "eleven_outputs": ({"model": ElevenOutputs}, "eleven", "(N, 11)"),
    "two_outputs": ({"model": ReturnsTwo}, None, "returns 2 values"),
    "no_output_of_its_own": ({"model": ReturnsItsInput}, None, "did not compute"),
    "linear_algebra": ({"model": SingularValues}, "svd", "'linalg_svdvals'"),
    "fourier": ({"model": Fourier}, "fft", "'fft_fft2'"),
    "no_grad_in_forward": ({"model": WithoutGradients}, None, "torch.no_grad()"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_graph_cannot_contain_is_refused_with_its_line(case):
    options, mark, message = REFUSED[case]
    error = refusal_of(**options)
    assert message in str(error)
    assert error.line == (line_of(__file__, mark) if mark else None)
