"""A captured network is the student's own, bit for bit; what cannot be captured is named."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import LBFGS, SGD, Adam
from torch.optim.lr_scheduler import OneCycleLR, ReduceLROnPlateau, StepLR
from torchvision.transforms import Compose, RandomRotation, ToTensor

from course.capture import CAPTURE_SEED, capture
from course.errors import RecipeError, StudentCodeError
from course.network import TrainableNetwork
from course.recipe import Recipe, watching
from course.spec import Spec
from course.training.optimizers import build_optimizer
from tests.support.networks import IDIOMS, SEED_COUNTS, LogProbabilities, around, captured, recipe

SEED = CAPTURE_SEED + 1  # the spec must hold under any seed, not only under the one it was captured with


def losses_and_logits(network, train, evaluate, optimizer) -> list[torch.Tensor]:
    """Losses of three training steps, then eval logits."""
    draw = torch.Generator().manual_seed(5)
    found = []
    for step in range(3):
        images = torch.randn(6, 1, 28, 28, generator=draw)
        labels = torch.randint(0, 10, (6,), generator=draw)
        torch.manual_seed(step)
        optimizer.zero_grad()
        loss = F.nll_loss(train(images), labels)
        loss.backward()
        optimizer.step()
        found.append(loss.detach())
    images = torch.randn(6, 1, 28, 28, generator=draw)
    return [*found, evaluate(images).detach()]


def eager(given: Recipe) -> list[torch.Tensor]:
    torch.manual_seed(SEED)
    model = given.model()
    model.eval()(torch.zeros(2, 1, 28, 28))  # lazy layers get their sizes
    optimizer = given.optimizer((n, p) for n, p in model.named_parameters() if p.requires_grad)
    return losses_and_logits(model, lambda x: model.train()(x), lambda x: model.eval()(x), optimizer)


def rebuilt(spec: Spec) -> list[torch.Tensor]:
    network = TrainableNetwork(spec.network, SEED)
    optimizer = build_optimizer(spec.optimizer, network.parameters)
    return losses_and_logits(network, partial(network, training=True), partial(network, training=False), optimizer)


@pytest.mark.parametrize("idiom", IDIOMS)
@pytest.mark.filterwarnings("ignore:.*weight_norm.*is deprecated:FutureWarning")
def test_a_captured_network_trains_and_predicts_bit_for_bit_as_the_model_does(idiom):
    given = recipe(IDIOMS[idiom])
    for own, ours in zip(eager(given), rebuilt(capture(given)), strict=True):
        assert torch.equal(own, ours)


@pytest.mark.parametrize("name", SEED_COUNTS)
def test_the_published_models_are_captured_with_every_parameter(name):
    spec = captured(name)
    network = TrainableNetwork(spec.network, 1)
    assert sum(p.numel() for p in network.parameters.values()) == SEED_COUNTS[name]
    assert spec == Spec.from_json(spec.to_json())


def test_capturing_twice_gives_the_same_spec():
    assert capture(recipe(Plain)).hash == capture(recipe(Plain)).hash


def test_a_forward_may_ask_for_another_memory_layout():
    class ChannelsLast(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 10, 5)

        def forward(self, x):
            return F.log_softmax(self.conv(x.to(memory_format=torch.channels_last)).amax((2, 3)), 1)

    assert capture(recipe(ChannelsLast)).network.train.nodes


def test_a_recipe_that_diverges_at_once_is_captured_and_left_to_the_trainer():
    assert capture(recipe(Plain, optimizer=partial(SGD, lr=1e30))).optimizer.groups[0].options["lr"] == 1e30


def test_capture_keeps_the_callers_random_state_and_the_students_print_goes_on(capsys):
    before = torch.get_rng_state()
    capture(recipe(Printing))
    assert torch.equal(before, torch.get_rng_state())
    assert "seen" in capsys.readouterr().out


def test_layers_and_lines_lead_back_to_the_students_source():
    nodes = capture(recipe(Plain)).network.train.nodes
    convolution = next(n for n in nodes if n.op == "aten.conv2d.default")
    assert (convolution.layer, convolution.line) == ("conv", line_of("plain"))


# ---- what is refused, and where


def line_of(mark: str) -> int:
    """The line of this file that ends in the comment `mark`."""
    lines = Path(__file__).read_text().splitlines()
    (found,) = [number for number, line in enumerate(lines, start=1) if line.endswith(f"# {mark}")]
    return found


class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 10, 6)

    def forward(self, x):
        return self.end(self.conv(x))  # plain

    def end(self, x):
        return F.log_softmax(x.amax((2, 3)), 1)


class Printing(Plain):
    def forward(self, x):
        print("seen")
        return super().forward(x)


class DecidesByValues(Plain):
    def forward(self, x):
        if x.mean() > 0:  # decides by values
            x = -x
        return super().forward(x)


class TakesItem(Plain):
    def forward(self, x):
        return super().forward(x * x.std().item())  # item


class PicksByMask(Plain):
    def forward(self, x):
        return super().forward(x) + x[x > 0].mean()  # mask


class Counts(Plain):
    calls = 0

    def forward(self, x):
        self.calls += 1
        return super().forward(x * self.calls)


class Sign(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.sign()

    @staticmethod
    def backward(ctx, gradient):
        return gradient


class StraightThrough(Plain):
    def forward(self, x):
        return self.end(Sign.apply(self.conv(x)) * self.conv(x))


class ChangesGradients(Plain):
    def __init__(self):
        super().__init__()
        self.conv.weight.register_hook(lambda gradient: 2 * gradient)


class HookWithMemory(Plain):
    def __init__(self):
        super().__init__()
        seen = []
        self.conv.register_forward_hook(lambda module, inputs, output: seen.append(1) or output * len(seen))


class WeightsFromNumPy(Plain):
    def __init__(self):
        super().__init__()
        self.conv.weight.data = torch.from_numpy(np.ones((10, 1, 6, 6))).float()  # numpy


class WeightsAsTheyAreInNumPy(Plain):
    def __init__(self):
        super().__init__()
        self.conv.weight = nn.Parameter(torch.from_numpy(np.ones((10, 1, 6, 6), np.float32)))  # numpy memory


class FewWeightsDrawnByNumPy(Plain):
    def __init__(self):
        super().__init__()
        self.conv.bias.data = torch.from_numpy(np.random.default_rng().normal(size=10)).float()


class WeightsFromList(Plain):
    def __init__(self):
        super().__init__()
        self.conv.weight.data = torch.tensor([i / 360 for i in range(360)]).reshape(10, 1, 6, 6)  # list


class WeightsFromTwoLists(Plain):
    def __init__(self):
        super().__init__()
        self.first, self.second = (nn.Parameter(torch.tensor([i / 200 for i in range(200)])) for _ in range(2))


class SeedsItself(Plain):
    def __init__(self):
        torch.manual_seed(1)
        super().__init__()


class TrainsItself(Plain):
    def __init__(self):
        super().__init__()
        optimizer = SGD(self.parameters(), lr=0.1)
        for _ in range(3):
            loss = self(torch.randn(4, 1, 28, 28)).mean()  # trains itself
            loss.backward()
            optimizer.step()


class ElevenOutputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(784, 11)

    def forward(self, x):
        return self.fc(x.flatten(1))  # eleven


class ReturnsTwo(Plain):
    def forward(self, x):
        return super().forward(x), x


class ReturnsItsInput(Plain):
    def forward(self, x):
        return x


class BatchSizeWrittenOut(Plain):
    def forward(self, x):
        return super().forward(x).view(128, 10)  # batch size


class BatchSizeAsTheExample(Plain):
    def forward(self, x):
        return super().forward(x).view(8, 10)


class SingularValues(Plain):
    def forward(self, x):
        return super().forward(x * torch.linalg.svdvals(x)[..., :1, None])  # svd


class Fourier(Plain):
    def forward(self, x):
        return super().forward(torch.fft.fft2(x).abs())  # fft


class WithoutGradients(Plain):
    def forward(self, x):
        with torch.no_grad():
            x = self.conv(x)
        return self.end(x)


class MasksWithInfinity(Plain):
    def forward(self, x):
        return super().forward(x.masked_fill(x < 0, float("-inf")))


class Nothing(nn.Module):
    def forward(self, x):
        return x.flatten(1)[:, :10].log_softmax(1)


class MySGD(SGD):
    pass


class MyPlateau(ReduceLROnPlateau):
    pass


BUILT = Plain()
REFUSED = {  # a recipe's options, the mark of the line that is named (or None), words of the message
    "if_on_values": ({"model": DecidesByValues}, "decides by values", "torch.where"),
    "item": ({"model": TakesItem}, "item", "torch.where"),
    "boolean_mask": ({"model": PicksByMask}, "mask", "torch.where"),
    "counter_in_forward": ({"model": Counts}, None, "training mode after step 2"),
    "own_autograd_function": ({"model": StraightThrough}, None, "training mode after step 2"),
    "hook_on_gradients": ({"model": ChangesGradients}, None, "training mode after step 2"),
    "hook_with_a_memory": ({"model": HookWithMemory}, None, "training mode after step 2"),
    "weights_through_numpy": ({"model": WeightsFromNumPy}, "numpy", "more than 256 ready-made numbers"),
    "weights_in_numpy_memory": ({"model": WeightsAsTheyAreInNumPy}, "numpy memory", "more than 256 ready-made numbers"),
    "few_weights_drawn_by_numpy": ({"model": FewWeightsDrawnByNumPy}, None, "'conv.bias' cannot be replayed"),
    "weights_from_a_list": ({"model": WeightsFromList}, "list", "more than 256 ready-made numbers"),
    "weights_from_two_lists": ({"model": WeightsFromTwoLists}, None, "400 numbers are handed over"),
    "seed_in_the_constructor": ({"model": SeedsItself}, None, "cannot be replayed"),
    "trains_itself": ({"model": TrainsItself}, "trains itself", "not on the list"),
    "eleven_outputs": ({"model": ElevenOutputs}, "eleven", "(N, 11)"),
    "two_outputs": ({"model": ReturnsTwo}, None, "returns 2 values"),
    "no_output_of_its_own": ({"model": ReturnsItsInput}, None, "did not compute"),
    "batch_size_written_out": ({"model": BatchSizeWrittenOut}, "batch size", "one batch size"),
    "batch_size_of_the_example": ({"model": BatchSizeAsTheExample}, None, "one batch size"),
    "linear_algebra": ({"model": SingularValues}, "svd", "'linalg_svdvals'"),
    "fourier": ({"model": Fourier}, "fft", "'fft_fft2'"),
    "no_grad_in_forward": ({"model": WithoutGradients}, None, "torch.no_grad()"),
    "infinity": ({"model": MasksWithInfinity}, None, "-inf"),
    "no_parameters": ({"model": Nothing}, None, "no parameters that can be trained"),
    "function_that_gives_a_built_model": ({"model": lambda: BUILT}, None, "pretrained weights are not accepted"),
    "not_a_module": ({"model": dict}, None, "a torch.nn.Module is needed"),
    "optimizer_subclass": ({"optimizer": partial(MySGD, lr=0.1)}, None, "MySGD"),
    "lbfgs": ({"optimizer": LBFGS}, None, "LBFGS"),
    "foreign_parameter": ({"optimizer": lambda p: SGD([nn.Parameter(torch.zeros(3))])}, None, "(3,)"),
    "infinite_rate": ({"optimizer": partial(SGD, lr=float("inf"))}, None, "'lr' is inf"),
    "not_an_optimizer": ({"optimizer": list}, None, "builtins.list"),
    "schedule_too_short": (
        {"scheduler": partial(OneCycleLR, max_lr=0.1, total_steps=10), "epochs": 2, "batch_size": 8192},
        None,
        "stops at step 11 of 16",
    ),
    "plateau_subclass": ({"scheduler": MyPlateau}, None, "subclass of ReduceLROnPlateau"),
    "plateau_by_batch": ({"scheduler": ReduceLROnPlateau, "scheduler_step": "batch"}, None, "once an epoch"),
    "not_a_scheduler": ({"scheduler": lambda optimizer: 3}, None, "no step()"),
    "watching_without_plateau": ({"scheduler": watching("train_loss", partial(StepLR, step_size=1))}, None, "StepLR"),
    "random_at_test_time": (
        {"test_transform": Compose([RandomRotation(5), ToTensor()])},
        None,
        "test_transform draws something at random",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_captured_is_refused_with_its_line(case):
    options, mark, words = REFUSED[case]
    with pytest.raises(RecipeError) as caught:
        capture(recipe(**{"model": Plain, **options}))
    assert words in str(caught.value)
    assert caught.value.line == (line_of(mark) if mark else None)


class RaisesInForward(Plain):
    def forward(self, x):
        return x / {}  # raises in forward


class RaisesInConstructor(Plain):
    def __init__(self):
        super().__init__()
        self.width = 1 // 0  # raises in constructor


class WrongShape(Plain):
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
    options, mark, words = RAISES[case]
    with pytest.raises(StudentCodeError) as caught:
        capture(recipe(**{"model": Plain, **options}))
    assert str(caught.value).startswith(f"Line {line_of(mark)} (")
    assert words in str(caught.value)


def test_a_recipe_is_what_is_captured():
    with pytest.raises(RecipeError, match=r"`recipe` is dict, and a Recipe\(...\) is needed"):
        capture({})


def test_two_constants_of_one_name_and_other_numbers_stay_two():
    class Shifts(nn.Module):
        def forward(self, x):
            return x + torch.tensor([0.25, 0.5, 0.75, 1.0] if self.training else [0.0, 0.0, 0.0, 0.0])[:, None, None]

    spec = capture(recipe(lambda: around(Shifts())))
    constants = [t for t in spec.network.tensors if t.kind == "constant"]
    assert len({t.name for t in constants}) == 2


def test_a_function_may_build_the_model():
    def build(width: int = 4):
        return LogProbabilities(nn.Conv2d(1, width, 28), nn.Flatten(), nn.Linear(width, 10))

    assert capture(recipe(build)).hash == capture(recipe(partial(build, 4))).hash
