"""A step of a usual network costs little, and a giant step is refused before it runs."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from course.errors import SpecError
from course.inspection import cost
from course.inspection.checks import inspect
from course.inspection.cost import TRIALS, cost_problems, step_cost, trial_problems
from course.inspection.record import MAX_STEP_COST, StepCost
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
        train_transform=(Transform(name="ToTensor"),),
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


# Independent counts: pools are followed window by window; where every input is one, what a product of tensors computes
# adds up to the number of its multiplications.


def counted(compute, *shapes) -> StepCost:
    """What is counted for `compute` of tensors of these shapes, forward and backward."""
    tensors = [torch.empty(shape, device="meta", requires_grad=True) for shape in shapes]
    with FlopCounterMode(display=False, custom_mapping=cost._FLOPS) as flops, cost._ElementCounter() as elements:
        compute(*tensors).sum().backward()
    return StepCost(flops.get_total_flops(), elements.touched, 0)


def multiplications(compute, *shapes) -> int:
    return round(compute(*[torch.ones(shape, dtype=torch.float64) for shape in shapes]).sum().item())


def reads_along(side, outputs, size, stride, padding, dilation=1) -> int:
    places = itertools.product(range(outputs), range(size))
    return sum(0 <= output * stride - padding + k * dilation < side for output, k in places)


SIDES = st.integers(1, 14)
FEW = st.integers(1, 4)


@given(st.data(), st.sampled_from(["avg_pool1d", "avg_pool2d", "max_pool1d", "max_pool2d"]))
def test_each_number_that_a_pool_writes_counts_its_window(data, name):
    dims, is_max = int(name[-2]), name.startswith("max")
    image = data.draw(st.lists(SIDES, min_size=dims, max_size=dims))
    size = data.draw(st.lists(st.integers(1, 9), min_size=dims, max_size=dims) | st.tuples(st.integers(1, 9)))
    options = {"stride": data.draw(FEW), "padding": data.draw(st.integers(0, min(size) // 2))}
    options |= {"dilation": data.draw(FEW)} if is_max else {}
    ceil_mode, sizes = data.draw(st.booleans()), [*size] * (dims // len(size))
    reach = [(k - 1) * options.get("dilation", 1) + 1 for k in sizes]
    assume(all(k <= side + 2 * options["padding"] for k, side in zip(reach, image, strict=True)))

    def pool(x):
        return getattr(F, name)(x, size, ceil_mode=ceil_mode, **options)

    shape = (2, 3, *image)
    pooled = pool(torch.empty(shape, device="meta")).shape
    along = zip(image, pooled[2:], sizes, strict=True)
    reads = 6 * math.prod(reads_along(side, outputs, k, **options) for side, outputs, k in along)
    found = counted(pool, shape).elements
    assert found >= reads * (1 if is_max else 2)  # the gradient of a maximum goes to one place
    if not options["padding"] and not ceil_mode:
        assert found <= 2 * reads + 20 * (math.prod(shape) + math.prod(pooled))


@given(st.tuples(SIDES, SIDES), st.tuples(SIDES, SIDES), st.sampled_from(["avg", "max"]))
def test_each_number_that_an_adaptive_pool_writes_counts_its_window(image, wanted, kind):
    def along(side, parts):
        return sum(-(-(i + 1) * side // parts) - i * side // parts for i in range(parts))

    reads = 6 * math.prod(itertools.starmap(along, zip(image, wanted, strict=True)))
    found = counted(lambda x: getattr(F, f"adaptive_{kind}_pool2d")(x, wanted), (2, 3, *image)).elements
    assert found >= reads
    assert found <= 20 * reads + 100


@given(st.data(), st.sampled_from([1, 2]), st.booleans())
def test_each_multiplication_of_a_convolution_counts(data, dims, transposed):
    groups, per_group, out_per_group, batch = (data.draw(FEW) for _ in range(4))
    image = data.draw(st.lists(SIDES, min_size=dims, max_size=dims))
    kernel = data.draw(st.lists(st.integers(1, 5), min_size=dims, max_size=dims))
    options = {"stride": data.draw(FEW), "dilation": data.draw(FEW), "groups": groups}
    padding = 0 if transposed else data.draw(st.integers(0, 3))
    reach = zip(image, kernel, strict=True)
    assume(all((k - 1) * options["dilation"] < side + 2 * padding for side, k in reach))
    channels, out_channels = groups * per_group, groups * out_per_group
    weight = (channels, out_per_group, *kernel) if transposed else (out_channels, per_group, *kernel)

    def convolved(x, w):
        return getattr(F, f"conv{'_transpose' * transposed}{dims}d")(x, w, padding=padding, **options)

    shapes = (batch, channels, *image), weight
    done = multiplications(convolved, *shapes)
    found = counted(convolved, *shapes).flops
    assert found >= 3 * 2 * done  # the output and two gradients
    assert padding or found == 3 * 2 * done


@given(st.data())
def test_each_multiplication_of_matrices_counts(data):
    batch, n, k, m = (data.draw(st.integers(1, 8)) for _ in range(4))
    products = {
        "mm": (torch.matmul, (n, k), (k, m)),
        "batches": (torch.matmul, (batch, n, k), (batch, k, m)),
        "expanded": (torch.matmul, (batch, n, k), (k, m)),
        "dense": (F.linear, (batch, n, k), (m, k)),
        "einsum": (lambda a, b: torch.einsum("bik,jk->bij", a, b), (batch, n, k), (m, k)),
        "einsum_over_all": (lambda a, b: torch.einsum("bik,bjk->ij", a, b), (batch, n, k), (batch, m, k)),
    }
    compute, *shapes = products[data.draw(st.sampled_from(sorted(products)))]
    found = counted(compute, *shapes)
    # with a side of 1 a product may be computed number by number, which counts as elements
    assert found.flops + 2 * found.elements >= 3 * 2 * multiplications(compute, *shapes)
    assert 1 in (n, k, m, batch) or found.flops == 3 * 2 * multiplications(compute, *shapes)


@given(st.tuples(FEW, FEW, FEW, st.integers(1, 12)), st.booleans())
def test_each_product_of_a_bilinear_form_counts(sizes, expanded):
    batch, first, second, outputs = sizes

    def bilinear(a, b, w):
        return F.bilinear(a, b, w.expand(outputs, first, second))

    shapes = (batch, first), (batch, second), (1, 1, 1) if expanded else (outputs, first, second)
    done = multiplications(bilinear, *shapes)
    assert counted(bilinear, *shapes).elements >= 3 * done


@given(st.tuples(FEW, FEW, st.integers(1, 12), st.integers(1, 12), st.integers(1, 8)), st.booleans())
def test_each_multiplication_of_attention_counts(sizes, causal):
    batch, heads, queries, keys, width = sizes

    def attention(q, k, v):
        return F.scaled_dot_product_attention(q, k, v, is_causal=causal)

    shapes = (batch, heads, queries, width), *[(batch, heads, keys, width)] * 2
    done = 2 * batch * heads * queries * keys * width
    found = counted(attention, *shapes)
    assert found.flops + 2 * found.elements >= 2 * done  # at least those of the output


@given(st.tuples(SIDES, SIDES), st.tuples(SIDES, SIDES), st.sampled_from([("bilinear", 4), ("bicubic", 16)]))
def test_each_pixel_between_others_counts_its_neighbours(image, wanted, mode):
    name, neighbours = mode
    grid = 2, *wanted, 2
    found = counted(lambda x, g: F.grid_sample(x, g, mode=name, align_corners=False), (2, 3, *image), grid).elements
    assert found >= 2 * neighbours * 6 * math.prod(wanted)
    if name == "bilinear":
        found = counted(lambda x: F.interpolate(x, wanted, mode=name), (2, 3, *image)).elements
        assert found >= 2 * neighbours * 6 * math.prod(wanted)


@given(st.integers(1, 20), st.integers(1, 300))
def test_sorting_a_row_counts_its_comparisons(rows, length):
    least = rows * length * math.log2(length)
    assert counted(lambda x: x.sort(dim=0)[0], (length, rows)).elements >= least
    assert counted(lambda x: x.topk(length, dim=1)[0], (rows, length)).elements >= least


@given(st.sampled_from(["var", "std", "argmax", "argmin"]), st.integers(1, 300))
def test_reductions_count_what_they_begin(name, pairs):
    x = torch.empty(pairs, 2, device="meta")
    with cost._ElementCounter() as elements:
        getattr(torch, name)(x, 1)
    assert elements.touched >= 32 * pairs


def test_a_size_that_grows_when_the_batch_is_not_the_usual_one_is_counted():
    """The last batch of an epoch has 96 images of 128: here it costs as much for each image as 96 usual ones."""
    nodes = (
        Node(op="aten.sym_size.int", args=(Input(), 0)),
        Node(op="size.mod", args=(NodeRef(node=1), 127)),  # 1 of 128, 96 of 96, 119 of 500
        Node(op="aten.expand.default", args=(NodeRef(node=0), (-1, 10, -1, -1))),
        Node(op="aten.unsqueeze.default", args=(NodeRef(node=3), -1)),
        Node(op="aten.expand.default", args=(NodeRef(node=4), (-1, -1, -1, -1, NodeRef(node=2)))),
        Node(op="aten.mean.dim", args=(NodeRef(node=5), (-1,))),
    )
    usual = step_cost(giant(TEN_CHANNELS)).elements
    assert step_cost(giant(*nodes)).elements > 50 * usual
    assert "million elements" in inspect(giant(*nodes)).problems[0]


def clock_of(*seconds):
    """A clock by which the steps take these times."""
    readings = itertools.chain.from_iterable((0.0, s) for s in seconds)
    return lambda: next(readings)


def test_a_step_that_its_counted_work_explains_is_no_problem():
    spec = captured("model1")
    work = step_cost(spec)
    assert trial_problems(spec, work) == []
    assert trial_problems(spec, work, clock_of(2.5)) == []  # fifty times as long as a core needs
    assert trial_problems(spec, MAX_STEP_COST, clock_of(11.9)) == []
    assert trial_problems(spec, work, clock_of(30.0, 30.0, 0.1)) == []  # the fastest trial counts


def test_a_step_that_takes_far_longer_than_was_counted_is_a_problem():
    (sentence,) = trial_problems(captured("model1"), step_cost(captured("model1")), clock_of(*[9.0] * TRIALS))
    assert sentence.startswith("One training step on 128 images took 9.0 seconds, and the work that is counted for it")
    (sentence,) = trial_problems(captured("model1"), MAX_STEP_COST, clock_of(13.0, 12.5, 14.0))
    assert "took 12.5 seconds" in sentence and "explains 12.0" in sentence


def test_work_that_no_formula_counts_is_found_by_the_trial(monkeypatch):
    """As it was: a window that is given as one number counted as 13 reads and was 13 x 13."""
    window = Node(op="aten.avg_pool2d.default", args=(NodeRef(node=1), (27,), (1, 1), (13, 13)))
    further = [window.model_copy(update={"args": (NodeRef(node=n), *window.args[1:])}) for n in range(2, 30)]
    spec = giant(TEN_CHANNELS, window, *further)
    assert "are allowed" in inspect(spec).problems[0]
    monkeypatch.setattr(cost, "_REPEATED_READS", {})
    monkeypatch.setattr(cost, "TRIALS", 1)
    (sentence,) = inspect(spec).problems
    assert sentence.startswith("One training step on 128 images took")


def test_the_trial_leaves_random_numbers_and_settings_as_they_were():
    torch.manual_seed(5)
    expected, threads = torch.rand(1), torch.get_num_threads()
    torch.manual_seed(5)
    trial_problems(captured("model2"), MAX_STEP_COST)
    assert torch.equal(torch.rand(1), expected) and torch.get_num_threads() == threads
