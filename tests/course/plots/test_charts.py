"""Charts of schedules, rates and several runs: what they show, and what cannot be drawn."""

import pytest

from course import plots
from course.errors import UsageError
from course.notebook.lr_range import RateRange
from tests.support.figures import labelled_lines, message


def test_a_schedule_is_a_line_over_its_epochs():
    (axes,) = plots.schedules({"kept": [0.1, 0.1], "lowered": [0.1, 0.01]}, log=True).axes
    assert labelled_lines(axes) == {"kept": [0.1, 0.1], "lowered": [0.1, 0.01]}
    assert list(axes.lines[0].get_xdata()) == [1, 2]
    assert axes.lines[0].get_drawstyle() == "steps-mid", "a rate holds for its whole epoch"
    assert (axes.get_xlabel(), axes.get_xscale(), axes.get_yscale()) == ("epoch", "linear", "log")


def test_a_rate_range_shows_each_batch_and_the_running_mean_over_the_rate():
    (axes,) = plots.range_curve(RateRange((0.1, 1.0, 10.0), (2.0, 1.0, 900.0))).axes
    assert labelled_lines(axes)["each batch"] == [2.0, 1.0, 900.0]
    assert labelled_lines(axes)["running mean"][:2] == pytest.approx([2.0, 1.4737], abs=1e-4)
    assert axes.get_xscale() == "log"
    assert axes.get_ylim()[1] < 900, "one loss beyond all measure would flatten the rest"


def test_a_rate_range_that_was_not_trained_says_why():
    assert message(plots.range_curve(RateRange(note="not here"))) == "not here"


def test_every_run_has_a_line_and_every_recipe_one_entry_in_the_legend():
    (axes,) = plots.several_runs({"a": [[9_900, 9_940], [9_910, 9_930]], "b": [[9_800]]}).axes
    assert [list(line.get_ydata()) for line in axes.lines[:3]] == [[99.0, 99.4], [99.1, 99.3], [98.0]]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b", "the challenge: 99.40 %"]


def test_held_levels_are_dots_with_a_bar_at_their_mean_and_the_first_name_on_top():
    (axes,) = plots.held_levels({"a": [9_930, 9_950], "b": [9_900]}).axes
    assert list(axes.lines[0].get_xdata()) == [99.3, 99.5]
    assert list(axes.lines[1].get_xdata()) == [pytest.approx(99.4)]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]


def test_the_chances_are_those_of_a_normal_spread():
    (axes,) = plots.chances(0.05).axes
    levels = list(axes.lines[0].get_xdata())
    chances = labelled_lines(axes)
    at_the_line, below = levels.index(pytest.approx(99.40)), levels.index(pytest.approx(99.35))
    assert [values[at_the_line] for values in chances.values()] == pytest.approx([0.5, 0.5, 1 - 0.5**10])
    one, majority, best = (values[below] for values in chances.values())
    assert one == pytest.approx(0.1587, abs=1e-4)  # one standard deviation below
    assert majority < one < best


def test_a_rate_range_that_diverged_at_once_says_so():
    assert message(plots.range_curve(RateRange())) == "The loss diverged in the first step: start at a lower rate."


def test_a_run_without_epochs_has_no_line_and_a_name_without_levels_no_dots():
    (axes,) = plots.several_runs({"untrained": [[]], "a": [[9_900]]}).axes
    assert [list(line.get_ydata()) for line in axes.lines[:2]] == [[], [99.0]]
    (axes,) = plots.held_levels({"untrained": [], "a": [9_900]}).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["untrained", "a"]
    assert [list(line.get_xdata()) for line in axes.lines[:3]] == [[], [99.0], [pytest.approx(99.0)]]


@pytest.mark.parametrize(
    ("function", "options"),
    [
        ("lines", {"xlabel": "x", "ylabel": "y", "title": "t"}),
        ("schedules", {}),
        ("several_runs", {}),
        ("held_levels", {}),
        ("dots", {"xlabel": "x", "title": "t"}),
    ],
)
def test_a_chart_of_nothing_is_refused_with_what_it_needs(function, options):
    with pytest.raises(UsageError, match=rf"{function}\(\) has nothing to draw: give at least one name"):
        getattr(plots, function)({}, **options)


def test_a_line_that_does_not_fit_its_x_values_is_named():
    with pytest.raises(UsageError, match=r"cannot draw 'b': it has 3 values, and x has 2"):
        plots.lines({"a": [1, 2], "b": [1, 2, 3]}, [1, 2], xlabel="x", ylabel="y", title="t")


@pytest.mark.parametrize("spread", [0, -0.05, float("nan"), "0.05"])
def test_chances_need_a_spread_above_zero(spread):
    with pytest.raises(UsageError, match=r"chances\(spread=\.\.\.\) must be a finite number above zero"):
        plots.chances(spread)
