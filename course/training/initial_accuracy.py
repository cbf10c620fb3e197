"""How well a network tells digits apart before it is trained: near chance, unless it comes with knowledge.

Its ten outputs are read by a linear classifier, which is fitted to some training images and tried on others. So it
does not matter in which order, scale or mixture the outputs say what they know, and shifts of the outputs or of the
weights of the last layer do not hide it.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional

from course import transforms
from course.errors import RecipeError
from course.network import TrainableNetwork
from course.network.operators import argument_position, resolve
from course.spec import Graph, Network, Node, Spec
from course.training.data import TrainingData
from course.training.loop import derive_seed

IMAGES = 1_000  # half of them to fit the classifier, half to try it
MIN_IMAGES = 500  # with fewer, of a reduced run, the accuracy says little
MAX_INITIAL_ACCURACY = 0.8  # at most 0.64 for some 50 honest networks under three seeds
# Of data of a course's own that are told apart by chance already, an untrained network says as much. So many images are
# told apart by ten random projections of the pixels: 0.37 of MNIST and 0.54 of Fashion-MNIST.
MAX_PROJECTED_ACCURACY = 0.7
PROJECTIONS = 5
_BATCH_STATISTICS = {"batch_norm": "training", "instance_norm": "use_input_stats"}


def check_initial_accuracy(spec: Spec, data: TrainingData, seed: int) -> None:
    """Try the network as it starts under `seed` and under another one. Raises RecipeError, with what was found."""
    if len(data.train_images) < MIN_IMAGES:
        return
    images = transforms.build(spec.test_transform, torch.device("cpu"))(data.train_images[:IMAGES])
    labels = data.train_labels[:IMAGES]
    if _projected_accuracy(data.train_images[:IMAGES], labels) > MAX_PROJECTED_ACCURACY:
        return
    for start in (seed, derive_seed(seed, 0, "initial accuracy")):
        accuracy = initial_accuracy(spec.network, images, labels, start)
        if accuracy > MAX_INITIAL_ACCURACY:
            raise RecipeError(
                f"Before any training the network's outputs tell {accuracy:.1%} of training images apart, and "
                f"{MAX_INITIAL_ACCURACY:.0%} are allowed. Initial weights are random draws and simple functions of "
                "them: fill them with torch.nn.init; pretrained weights are not accepted."
            )


def initial_accuracy(network: Network, images: Tensor, labels: Tensor, seed: int) -> float:
    """The best accuracy of the untrained network's outputs on the second half of the images, in any mode."""
    return max(_linear_accuracy(outputs, labels) for outputs in _outputs(network, images, seed))


@torch.no_grad()
def _outputs(network: Network, images: Tensor, seed: int) -> Iterator[Tensor]:
    """In training mode, in test mode, and in test mode with the statistics of these images in place of running ones."""
    nodes = tuple(map(_with_batch_statistics, network.eval.nodes))
    calibrated = network.model_copy(update={"train": Graph(nodes=nodes, output=network.eval.output)})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield TrainableNetwork(network, seed)(images, training=False)
        yield TrainableNetwork(network, seed)(images, training=True)
        yield TrainableNetwork(calibrated, seed)(images, training=True)


def _with_batch_statistics(node: Node) -> Node:
    """The node, computed from its batch's own mean and variance if it is a normalisation with running ones."""
    name = _BATCH_STATISTICS.get(node.operator)
    if name is None:
        return node
    position = argument_position(resolve(node.op), name)
    if position < len(node.args):
        return node.model_copy(update={"args": (*node.args[:position], True, *node.args[position + 1 :])})
    return node.model_copy(update={"kwargs": {**node.kwargs, name: True}})


def _projected_accuracy(images: Tensor, labels: Tensor) -> float:
    """The mean accuracy of some random projections of the pixels (N, 28, 28) in place of a network's ten outputs."""
    draws = torch.Generator().manual_seed(0)
    matrices = torch.randn(PROJECTIONS, 784, 10, generator=draws)
    return sum(_linear_accuracy(images.flatten(1) / 255 @ matrix, labels) for matrix in matrices) / PROJECTIONS


def _linear_accuracy(outputs: Tensor, labels: Tensor) -> float:
    """A ridge regression from outputs (N, 10) to labels, fitted to the first half, tried on the second."""
    outputs = outputs.double().nan_to_num(0.0, 0.0, 0.0)
    outputs = outputs - outputs.mean(1, keepdim=True)  # log_softmax has shifted each image's
    half = len(outputs) // 2
    mean, deviation = outputs[:half].mean(0), outputs[:half].std(0)
    inputs = (outputs - mean) / deviation.clamp_min(1e-30)
    fitted, targets = inputs[:half], functional.one_hot(labels[:half], 10).double()
    ridge = 1e-3 * half * torch.eye(10, dtype=torch.float64)
    weights = torch.linalg.solve(fitted.T @ fitted + ridge, fitted.T @ (targets - targets.mean(0)))
    predicted = (inputs[half:] @ weights + targets.mean(0)).argmax(1)
    return int((predicted == labels[half:]).sum()) / len(predicted)
