"""Labels follow each element through the operators, so that copies are known as copies."""

from __future__ import annotations

import torch

from course.inspection.tables.element_labels import (
    DEPENDS,
    Labels,
    computes_each,
    distinct,
    is_one_number,
    moved_labels,
)
from course.network import Program
from course.spec import NodeRef
from tests.support.spec_networks import call


def moved(op: str, labels: torch.Tensor, *args, **kwargs):
    source = call("aten.zeros.default", tuple(labels.shape))
    (_, one) = Program((source, call(op, NodeRef(node=0), *args, **kwargs)), 0, None).calls
    return moved_labels(one, [labels, *args], kwargs, lambda value: value)


def test_a_label_is_given_once():
    labels = Labels()
    first, second = labels.fresh((2, 3)), labels.fresh(())
    assert first.shape == (2, 3) and len(distinct(first)) == 6
    assert second.item() not in first


def test_equal_values_share_a_label():
    labels = Labels().by_value(torch.tensor([3.0, 1.0, 3.0]))
    assert labels[0] == labels[2] != labels[1]


def test_a_pair_of_labels_is_a_label_and_what_depends_on_images_stays_so():
    give = Labels()
    rows, columns = give.fresh((2, 1)), give.fresh((1, 3))
    assert len(distinct(give.combined([rows, columns], (2, 3)))) == 6
    rows[0] = DEPENDS
    combined = give.combined([rows, columns], (2, 3))
    assert (combined[0] == DEPENDS).all() and len(distinct(combined)) == 3


def test_one_number_for_all_changes_no_label():
    give = Labels()
    table, scale = give.fresh((4,)), give.fresh((1,))
    assert torch.equal(give.combined([table, scale], (4,)), table)
    assert is_one_number(scale) and not is_one_number(table)


def test_a_function_of_each_element_keeps_copies_copies():
    give = Labels()
    table = give.fresh((3,)).repeat(2)
    new = give.relabelled(table)
    assert len(distinct(new)) == 3 and not set(new.tolist()) & set(table.tolist())


def test_operators_that_move_elements_move_labels():
    table = Labels().fresh((2, 3))
    assert torch.equal(moved("aten.t.default", table), table.t())
    assert torch.equal(moved("aten.expand.default", table, (4, 2, 3)), table.expand(4, 2, 3))
    assert len(distinct(moved("aten.constant_pad_nd.default", table, (1, 1), 7.0))) == 6
    assert len(distinct(moved("aten.tril.default", table))) == 3
    assert moved("aten.cumsum.default", table, 0) is None


def test_an_operator_of_each_element_is_known():
    source = call("aten.zeros.default", (2,))
    sine, running_sum = call("aten.sin.default", NodeRef(node=0)), call("aten.cumsum.default", NodeRef(node=0), 0)
    calls = Program((source, sine, running_sum), 0, None).calls
    assert [computes_each(one) for one in calls] == [False, True, False]
