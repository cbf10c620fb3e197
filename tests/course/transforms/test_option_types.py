"""Which values an option accepts, what they become, and the words that complete "must be ..."."""

import pytest

from course.transforms.option_types import any_of, choice, integer, interval, literal, number, sequence

SIZE = sequence(integer(1, 64), 1, 2)


@pytest.mark.parametrize(
    ("option_type", "value", "converted"),
    [
        (number(0, 1), 0, 0),
        (number(0, 1), 0.5, 0.5),
        (integer(1, 9, odd=True), 9, 9),
        (literal(True, None), None, None),
        (literal("edge", "reflect"), "edge", "edge"),
        (choice({"one": 1}), "one", 1),
        (SIZE, (28, 20), [28, 20]),
        (SIZE, [28], [28]),
        (interval(-9, 9), (-3, -3.0), (-3, -3.0)),
        (interval(-9, 9, pairs=(1, 2)), (1, 2, -2, -1), (1, 2, -2, -1)),
        (any_of(integer(1, 64), SIZE), (3, 4), [3, 4]),
    ],
)
def test_a_value_of_the_type_becomes_torchvisions_argument(option_type, value, converted):
    assert option_type.convert(value) == converted


@pytest.mark.parametrize(
    ("option_type", "value"),
    [
        *((number(0, 1), value) for value in (-0.1, 1.1, True, "0", None, float("nan"), (0.5,))),
        *((integer(1, 9, odd=True), value) for value in (0, 2, 11, 3.0, True)),
        *((literal(True, None), value) for value in (1, False, "None")),
        *((literal("edge"), value) for value in ("Edge", None)),
        *((choice({"one": 1}), value) for value in ("two", 1, None, ["one"])),
        *((SIZE, value) for value in (28, (), (1, 2, 3), (0, 1), "12")),
        *((interval(-9, 9), value) for value in ((3, 1), (1,), (1, 2, 3, 4), (-10, 1), 3)),
        (interval(-9, 9, pairs=(1, 2)), (1, 2, 0, -1)),
        (any_of(integer(1, 64), SIZE), 65),
    ],
)
def test_any_other_value_raises_a_value_error(option_type, value):
    with pytest.raises(ValueError):
        option_type.convert(value)


def test_descriptions_complete_the_sentence_and_name_the_bounds():
    assert number(0, 1.5).description == "a number from 0 to 1.5"
    assert integer(1, 31, odd=True).description == "an odd integer from 1 to 31"
    assert literal("edge", None).description == "edge or None"
    assert choice({"one": 1, "two": 2}).description == "one or two"
    assert SIZE.description == "1 or 2 values, each an integer from 1 to 64"
    assert sequence(number(0, 1), *range(1, 6)).description == "1 to 5 values, each a number from 0 to 1"
    assert interval(0, 9, pairs=(1, 2)).description == "2 or 4 numbers from 0 to 9, the smaller of two first"
    assert any_of(integer(1, 2), literal(None)).description == "an integer from 1 to 2, or None"
