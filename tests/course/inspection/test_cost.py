"""A step of a usual network costs little, and a giant step is refused before it runs."""

from __future__ import annotations

import pytest

from course.errors import SpecError
from course.inspection import StepCost, cost_problems, inspect, step_cost
from course.inspection.cost import MAX_STEP_COST
from course.network import TrainableNetwork
from course.spec import (
    Dtype,
    Graph,
    Input,
    Network,
    Node,
    NodeRef,
    Optimizer,
    ParameterGroup,
    Spec,
    Tensor,
    TensorRef,
    Transform,
)
from tests.support.networks import SEED_COUNTS, captured


@pytest.mark.parametrize("name", SEED_COUNTS)
def test_the_published_models_take_the_usual_work(name):
    found = step_cost(captured(name))
    assert 1e8 < found.flops < 1.5e9
    assert 1e7 < found.elements < 7e7
    assert found.memory < MAX_STEP_COST.memory / 4


def giant(*nodes: Node, batch_size: int = 128) -> Spec:
    """(N, 1, 28, 28) times a weight, then `nodes`, then the largest of each of the first ten channels."""
    first = Node(op="aten.mul.Tensor", args=(Input(), TensorRef(tensor=0)))
    largest = Node(op="aten.amax.default", args=(NodeRef(node=len(nodes)), (2, 3)))
    ten = Node(op="aten.slice.Tensor", args=(NodeRef(node=len(nodes) + 1), 1, 0, 10))
    graph = Graph(nodes=(first, *nodes, largest, ten), output=NodeRef(node=len(nodes) + 2))
    dtype = Dtype(dtype="float32")
    weight = Tensor(name="w", kind="parameter", shape=(1,), dtype=dtype, requires_grad=True, init=NodeRef(node=0))
    ones = Node(op="aten.ones.default", args=((1,),))
    network = Network(train=graph, eval=graph, tensors=(weight,), init=(ones,))
    optimizer = Optimizer(name="SGD", groups=(ParameterGroup(params=("w",), options={}),))
    return Spec(
        network=network,
        train_transform=(),
        test_transform=(Transform(name="ToTensor"),),
        optimizer=optimizer,
        epochs=1,
        batch_size=batch_size,
        loss="cross_entropy",
    )


EXPANDED = Node(op="aten.expand.default", args=(NodeRef(node=0), (-1, 3000, -1, -1)))


REPEATED = Node(op="aten.repeat.default", args=(NodeRef(node=0), (1, 3000, 1, 1)))


TEN_CHANNELS = Node(op="aten.repeat.default", args=(NodeRef(node=0), (1, 10, 1, 1)))


LARGER = Node(op="aten.upsample_nearest2d.default", args=(NodeRef(node=1), (700, 700)))


POOLED = Node(op="aten.max_pool2d.default", args=(NodeRef(node=2), (13, 13), (1, 1)))


GIANT = {
    "expanded_without_memory": (EXPANDED,),
    "repeated": (REPEATED,),
    "pooled_from_a_large_image": (TEN_CHANNELS, LARGER, POOLED),
}


@pytest.mark.parametrize("case", GIANT)
def test_a_giant_step_is_a_problem_and_is_never_run(case, monkeypatch):
    monkeypatch.setattr(TrainableNetwork, "__call__", meta_only(TrainableNetwork.__call__))
    problems = inspect(giant(*GIANT[case])).problems
    assert problems and all("are allowed: use fewer channels" in p for p in problems)


def meta_only(call):
    def checked(self, images, **options):
        assert images.is_meta
        return call(self, images, **options)

    return checked


def test_a_small_batch_does_not_hide_work():
    assert (
        step_cost(giant(REPEATED, batch_size=1)).elements < MAX_STEP_COST.elements < step_cost(giant(REPEATED)).elements
    )
    assert any("on 128 images" in p for p in inspect(giant(REPEATED, batch_size=1)).problems)


def test_a_network_of_the_same_form_and_of_usual_size_may_run():
    assert inspect(giant(TEN_CHANNELS)).problems == ()


def test_a_network_that_cannot_be_trained_is_refused():
    spec = captured("model1")
    frozen = tuple(t.model_copy(update={"requires_grad": False}) for t in spec.network.tensors)
    with pytest.raises(SpecError, match="cannot be trained"):
        step_cost(spec.model_copy(update={"network": spec.network.model_copy(update={"tensors": frozen})}))


def test_each_limit_that_a_step_exceeds_is_named_with_its_value():
    assert cost_problems(MAX_STEP_COST, 128) == []
    flops, elements, memory = cost_problems(StepCost(6_000_000_000, 400_000_000, 3 * 1024**3), 256)
    assert flops.startswith("One training step on 256 images takes 6.0 GFLOP, and 5 are allowed")
    assert "400.0 million elements read and written, and 300 are allowed" in elements
    assert "3.0 GiB of intermediate values, and 2 are allowed" in memory
