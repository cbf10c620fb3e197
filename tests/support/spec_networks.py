"""Small networks written directly as spec nodes, as a forged spec may contain them."""

from __future__ import annotations

import torch

from course.network import TrainableNetwork
from course.spec import Constant, Dtype, Graph, Input, Network, Node, NodeRef, Tensor

FLOAT = Dtype(dtype="float32")
IMAGES = torch.arange(3 * 784, dtype=torch.float32).reshape(3, 1, 28, 28)


def call(op: str, *args, **kwargs) -> Node:
    return Node(op=op, args=args, kwargs=kwargs)


def network(*nodes: Node, tensors=(), init=(), constants=()) -> Network:
    """`nodes` in both modes; the last is the output."""
    graph = Graph(nodes=nodes, output=NodeRef(node=len(nodes) - 1))
    return Network(train=graph, eval=graph, tensors=tensors, init=init, constants=constants)


def parameter(init: NodeRef | Constant, shape: tuple[int, ...] = (2,), name: str = "w") -> Tensor:
    return Tensor(name=name, kind="parameter", shape=shape, dtype=FLOAT, requires_grad=True, init=init)


def run(given: Network) -> torch.Tensor:
    return TrainableNetwork(given, 0)(IMAGES, training=True)


# the first ten pixels of each image as its outputs
FLAT = call("aten.flatten.using_ints", Input(), 1)
FIRST_TEN = call("aten.slice.Tensor", NodeRef(node=0), 1, 0, 10)
