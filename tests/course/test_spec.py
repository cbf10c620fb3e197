"""The spec reads what it wrote, and refuses everything else in one way."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course import spec as plain
from course.errors import SpecError
from course.spec import MAX_BYTES, MAX_NODES, MAX_VALUES, Spec, differences

# ---- specs of any valid form

names = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.]{0,8}", fullmatch=True)
words = st.from_regex(r"[A-Za-z0-9_.,> -]{0,8}", fullmatch=True)
floats = st.floats(allow_nan=False, allow_infinity=False)
integers = st.integers(-(2**63) + 1, 2**63 - 1)
dtypes = st.sampled_from(["float32", "float64", "int64", "bool"]).map(lambda d: plain.Dtype(dtype=d))
indices = st.integers(0, 20)
references = st.builds(plain.NodeRef, node=indices)
leaves = st.none() | st.booleans() | integers | floats | words
arguments = st.recursive(
    leaves | dtypes | references | st.just(plain.Input()) | st.builds(plain.TensorRef, tensor=indices),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=4,
)
nodes = st.lists(
    st.builds(
        plain.Node,
        op=names,
        args=st.lists(arguments, max_size=3).map(tuple),
        kwargs=st.dictionaries(words, arguments, max_size=2),
        line=st.none() | st.integers(1, 99),
        layer=st.sampled_from(["", "conv", "body.0", "größe 1"]),
    ),
    max_size=3,
).map(tuple)
graphs = st.builds(plain.Graph, nodes=nodes, output=references)
constants = st.builds(
    plain.Constant,
    shape=st.lists(st.integers(0, 9), max_size=3).map(tuple),
    dtype=dtypes,
    values=st.lists(st.booleans() | integers | floats, max_size=4).map(tuple),
)
tensors = st.builds(
    plain.Tensor,
    name=names,
    kind=st.sampled_from(["parameter", "buffer", "constant"]),
    shape=st.lists(st.integers(0, 9), max_size=4).map(tuple),
    dtype=dtypes,
    requires_grad=st.booleans(),
    init=references | constants,
)
options = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=4)
transforms = st.recursive(
    st.builds(plain.Transform, name=names, v2=st.booleans(), options=st.dictionaries(words, options, max_size=2)),
    lambda inner: st.builds(plain.Transform, name=names, children=st.lists(inner, max_size=2).map(tuple)),
    max_leaves=3,
)
pipelines = st.lists(transforms, max_size=2).map(tuple)
rates = st.none() | st.booleans() | integers | floats | st.tuples(floats, floats)
groups = st.builds(
    plain.ParameterGroup,
    params=st.lists(names, max_size=2).map(tuple),
    options=st.dictionaries(words, rates, max_size=2),
)
columns = st.builds(
    plain.ScheduleColumn,
    group=indices,
    option=words,
    values=st.one_of(st.lists(kind, max_size=4).map(tuple) for kind in (floats, st.tuples(floats, floats))),
)
plateaus = st.builds(
    plain.Plateau,
    metric=st.sampled_from(["train_loss", "validation_loss", "test_loss"]),
    mode=st.sampled_from(["min", "max"]),
    factor=st.floats(0.01, 0.99),
    patience=indices,
    threshold=floats,
    threshold_mode=st.sampled_from(["rel", "abs"]),
    cooldown=indices,
    min_lrs=st.lists(floats, max_size=2).map(tuple),
    eps=floats,
)
specs = st.builds(
    Spec,
    network=st.builds(
        plain.Network,
        train=graphs,
        eval=graphs,
        tensors=st.lists(tensors, max_size=2).map(tuple),
        init=nodes,
        constants=st.lists(constants, max_size=2).map(tuple),
    ),
    train_transform=pipelines,
    test_transform=pipelines,
    optimizer=st.builds(plain.Optimizer, name=words, groups=st.lists(groups, min_size=1, max_size=2).map(tuple)),
    schedule=st.none()
    | plateaus
    | st.builds(
        plain.ScheduleTable, by=st.sampled_from(["epoch", "batch"]), columns=st.lists(columns, max_size=2).map(tuple)
    ),
    epochs=st.integers(1, 1000),
    batch_size=st.integers(1, 8192),
    loss=st.sampled_from(["nll", "cross_entropy"]),
    label_smoothing=st.floats(0, 0.99),
    clip_norm=st.none() | st.floats(1e-9, 1e9),
    average_decay=st.none() | st.floats(0.01, 0.99),
)


def usual() -> dict:
    """A small spec as JSON data."""
    relu = {"op": "aten.relu.default", "args": [{"input": 0}], "kwargs": {}, "line": 3, "layer": "act"}
    graph = {"nodes": [relu], "output": {"node": 0}}
    weight = {"shape": [2], "dtype": {"dtype": "float32"}}
    return {
        "version": 1,
        "network": {
            "train": graph,
            "eval": copy.deepcopy(graph),
            "tensors": [
                {"name": "w", "kind": "parameter", "requires_grad": True, "init": {"node": 0}, **weight},
                {"name": "b", "kind": "buffer", "requires_grad": False, "init": {"values": [1, 2], **weight}, **weight},
            ],
            "init": [{"op": "aten.zeros.default", "args": [[2]], "kwargs": {}, "line": None, "layer": ""}],
            "constants": [{"values": [0.5, 1.5], **weight}],
        },
        "train_transform": [{"name": "ToTensor", "v2": False, "options": {}, "children": []}],
        "test_transform": [{"name": "Pad", "v2": True, "options": {"padding": 2}, "children": []}],
        "optimizer": {"name": "SGD", "groups": [{"params": ["w"], "options": {"lr": 0.1}}]},
        "schedule": {"by": "epoch", "columns": [{"group": 0, "option": "lr", "values": [0.1, 0.2]}]},
        "epochs": 2,
        "batch_size": 128,
        "loss": "nll",
    }


def read(data) -> Spec:
    return Spec.from_json(json.dumps(data))


def places(data, path=()):
    """Every path to a value in nested JSON data."""
    yield path
    children = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, child in children:
        yield from places(child, (*path, key))


def replaced(data, path: tuple, value):
    if not path:
        return value
    data = copy.deepcopy(data)
    inner = data
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return data


PATHS = list(places(usual()))


# ---- what holds


def test_options_that_are_not_used_leave_text_and_hash_of_a_spec_as_they_were():
    spec = read(usual())
    assert spec.hash == "35f726104c9da84c4805801be8b1956360ed6503c19a99ca88f15fedd3ad0d9e"  # from before there were any
    assert json.loads(spec.to_json()) == usual()
    assert read(usual() | {"label_smoothing": 0.0, "clip_norm": None, "average_decay": None}).hash == spec.hash


@pytest.mark.parametrize("option", [{"label_smoothing": 0.1}, {"clip_norm": 1.0}, {"average_decay": 0.999}])
def test_an_option_in_use_is_part_of_the_hash_and_is_told_as_a_difference(option):
    spec, other = read(usual()), read(usual() | option)
    assert spec.hash != other.hash
    ((name, value),) = option.items()
    assert differences(spec, other) == [f"{name} is None and {value}"]


@pytest.mark.parametrize(
    "option",
    [
        *({"label_smoothing": value} for value in (1.0, -0.1, True, None, "0.1")),
        *({"clip_norm": value} for value in (0.0, -1.0, True)),
        *({"average_decay": value} for value in (0.0, 1.0, [0.9])),
    ],
)
def test_an_option_beyond_its_range_is_refused(option):
    with pytest.raises(SpecError, match=f"not valid at {min(option)}"):
        read(usual() | option)


@given(specs)
def test_a_spec_is_read_as_it_was_written(spec):
    text = spec.to_json()
    again = Spec.from_json(text)
    assert again == spec
    assert again.to_json() == text
    assert again.hash == spec.hash


@given(st.randoms(use_true_random=False))
def test_the_order_of_keys_and_spaces_do_not_matter(random):
    def shuffled(data):
        if isinstance(data, dict):
            items = list(data.items())
            random.shuffle(items)
            return {k: shuffled(v) for k, v in items}
        return [shuffled(v) for v in data] if isinstance(data, list) else data

    text = json.dumps(shuffled(usual()), indent=random.choice([None, 1]))
    assert Spec.from_json(text).hash == read(usual()).hash
    assert Spec.from_json(text.encode()).to_json() == read(usual()).to_json()


def test_one_and_one_point_nought_stay_what_they_are():
    values = read(replaced(usual(), ("network", "init", 0, "args"), [1, 1.0, True, None, "1"])).network.init[0].args
    assert list(map(type, values)) == [int, float, bool, type(None), str]


@pytest.mark.parametrize("path", [("line",), ("layer",)], ids=["line", "layer"])
@pytest.mark.parametrize("graph", ["train", "eval"])
def test_where_a_node_came_from_is_not_part_of_the_hash(graph, path):
    changed = replaced(usual(), ("network", graph, "nodes", 0, *path), 77 if path == ("line",) else "other")
    assert read(changed) != read(usual())
    assert read(changed).hash == read(usual()).hash


CHANGES = {
    "operator": (("network", "train", "nodes", 0, "op"), "aten.tanh.default"),
    "operator_in_eval": (("network", "eval", "nodes", 0, "op"), "aten.tanh.default"),
    "argument": (("network", "train", "nodes", 0, "args"), [{"node": 0}]),
    "keyword": (("network", "train", "nodes", 0, "kwargs"), {"dim": 1}),
    "output": (("network", "train", "output", "node"), 1),
    "tensor_name": (("network", "tensors", 0, "name"), "v"),
    "tensor_kind": (("network", "tensors", 0, "kind"), "buffer"),
    "tensor_shape": (("network", "tensors", 0, "shape"), [1, 2]),
    "frozen": (("network", "tensors", 0, "requires_grad"), False),
    "start": (("network", "tensors", 1, "init", "values"), [1, 3]),
    "init": (("network", "init", 0, "op"), "aten.ones.default"),
    "constant": (("network", "constants", 0, "values"), [0.5, 1.25]),
    "transform": (("train_transform", 0, "name"), "PILToTensor"),
    "transform_generation": (("train_transform", 0, "v2"), True),
    "test_transform": (("test_transform", 0, "options", "padding"), 3),
    "optimizer": (("optimizer", "name"), "Adam"),
    "rate": (("optimizer", "groups", 0, "options", "lr"), 0.2),
    "schedule": (("schedule",), None),
    "schedule_value": (("schedule", "columns", 0, "values"), [0.1, 0.3]),
    "schedule_step": (("schedule", "by"), "batch"),
    "epochs": (("epochs",), 3),
    "batch_size": (("batch_size",), 64),
    "loss": (("loss",), "cross_entropy"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_everything_else_is_part_of_the_hash(change):
    assert read(replaced(usual(), *CHANGES[change])).hash != read(usual()).hash


# ---- what is refused


@pytest.mark.parametrize("word", ["1e999", "-1e999", "NaN", "Infinity", "-Infinity", "1" + "0" * 20])
def test_a_number_that_is_not_finite_or_too_long_is_refused(word):
    text = json.dumps(usual()).replace('"lr": 0.1', f'"lr": {word}')
    with pytest.raises(SpecError, match=r"finite|64 bits"):
        Spec.from_json(text)


def nested(depth: int) -> list:
    inner: list = []
    for _ in range(depth):
        inner = [inner]
    return inner


REFUSED = {
    "not_json": ("{", "cannot be read"),
    "not_text": (b"\xff\xfe\xfa", "cannot be read"),
    "empty": ("", "cannot be read"),
    "a_list": ("[]", "not valid at the top"),
    "a_number": ("3", "not valid at the top"),
    "too_long": (" " * (MAX_BYTES + 1), "4,000,001 bytes, and 4,000,000 are allowed"),
    "too_deep": (json.dumps(replaced(usual(), ("network", "init", 0, "args"), nested(20))), "nested more than 12"),
    "deep_without_end": ("[" * 100_000, "cannot be read"),
    "digits_without_end": ("9" * 10_000, "cannot be read"),
    "half_a_character": (json.dumps(replaced(usual(), ("loss",), "\ud800")), "not valid|cannot be read"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_spec_is_refused_with_the_reason(case):
    text, why = REFUSED[case]
    with pytest.raises(SpecError, match=why):
        Spec.from_json(text)


WRONG = {
    "unknown_field": (("extra",), 1),
    "unknown_field_within": (("network", "train", "nodes", 0, "code"), "import os"),
    "unknown_version": (("version",), 2),
    "text_for_a_number": (("epochs",), "2"),
    "fraction_for_a_count": (("epochs",), 2.0),
    "flag_for_a_count": (("epochs",), True),
    "no_epochs": (("epochs",), 0),
    "too_many_epochs": (("epochs",), 1001),
    "unknown_loss": (("loss",), "hinge"),
    "no_groups": (("optimizer", "groups"), []),
    "code_for_an_operator": (("network", "train", "nodes", 0, "op"), "__import__('os')"),
    "name_with_a_newline": (("network", "tensors", 0, "name"), "a\nb"),
    "word_with_a_bracket": (("network", "train", "nodes", 0, "args"), ["f(x)"]),
    "word_that_is_long": (("network", "train", "nodes", 0, "args"), ["a" * 81]),
    "keyword_with_a_bracket": (("network", "train", "nodes", 0, "kwargs"), {"a()": 1}),
    "unknown_dtype": (("network", "tensors", 0, "dtype", "dtype"), "complex64"),
    "negative_reference": (("network", "train", "output", "node"), -1),
    "reference_to_two_things": (("network", "train", "nodes", 0, "args"), [{"node": 0, "tensor": 0}]),
    "nine_dimensions": (("network", "tensors", 0, "shape"), [1] * 9),
    "too_many_nodes": (("network", "train", "nodes"), [usual()["network"]["train"]["nodes"][0]] * (MAX_NODES + 1)),
    "too_many_values": (("network", "constants", 0, "values"), [0.0] * (MAX_VALUES + 1)),
    "too_many_values_together": (("network", "constants", 0, "values"), [0.0] * (MAX_VALUES - 1)),
    "numbers_and_pairs_in_a_column": (("schedule", "columns", 0, "values"), [0.1, (0.1, 0.2)]),
    "factor_above_one": (
        ("schedule",),
        {
            "metric": "train_loss",
            "mode": "min",
            "factor": 1.5,
            "patience": 1,
            "threshold": 0.1,
            "threshold_mode": "rel",
            "cooldown": 0,
            "min_lrs": [0.0],
            "eps": 0.0,
        },
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_value_out_of_bounds_is_refused_with_its_place(case):
    path, value = WRONG[case]
    data = replaced(usual(), path, value)
    read(usual())
    with pytest.raises(SpecError, match="The spec is not valid at"):
        read(data)


@pytest.mark.parametrize("field", sorted(set(usual()) - {"version", "schedule"}))
def test_a_missing_field_is_named(field):
    data = usual()
    del data[field]
    with pytest.raises(SpecError, match=f"not valid at {field}: Field required"):
        read(data)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def read_or_refused(text: str | bytes) -> None:
    """Either a spec that can be written again, or a SpecError that says something."""
    try:
        spec = Spec.from_json(text)
    except SpecError as error:
        assert str(error).endswith(".") and len(str(error)) < 2_000
    else:
        assert Spec.from_json(spec.to_json()) == spec


@given(st.sampled_from(PATHS), json_values)
def test_any_value_in_any_place_is_read_or_refused(path, value):
    read_or_refused(json.dumps(replaced(usual(), path, value)))


@given(json_values)
def test_any_json_is_read_or_refused(value):
    read_or_refused(json.dumps(value))


@given(st.binary(max_size=40) | st.text(max_size=40))
def test_any_text_is_read_or_refused(text):
    read_or_refused(text)


@given(st.integers(0, len(json.dumps(usual())) - 1), st.characters(codec="utf-8"))
def test_any_changed_character_is_read_or_refused(position, character):
    text = json.dumps(usual())
    read_or_refused(text[:position] + character + text[position + 1 :])


def test_leaves_are_the_items_of_nested_tuples_and_lists_in_order():
    assert list(plain.leaves((1, [2, (3, None)], (), "ab"))) == [1, 2, 3, None, "ab"]
    assert list(plain.leaves("ab")) == ["ab"]
