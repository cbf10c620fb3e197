"""What the charts of `course.charts` show."""

import pytest
import torch

from course import plots
from course.notebook.lr_range import RateRange


def drawn(axes):
    """The lines with a name, as name -> values."""
    return {line.get_label(): list(line.get_ydata()) for line in axes.lines if not line.get_label().startswith("_")}


def test_a_schedule_is_a_line_over_its_epochs():
    (axes,) = plots.schedules({"kept": [0.1, 0.1], "lowered": [0.1, 0.01]}, log=True).axes
    assert drawn(axes) == {"kept": [0.1, 0.1], "lowered": [0.1, 0.01]}
    assert list(axes.lines[0].get_xdata()) == [1, 2]
    assert axes.lines[0].get_drawstyle() == "steps-mid", "a rate holds for its whole epoch"
    assert (axes.get_xlabel(), axes.get_xscale(), axes.get_yscale()) == ("epoch", "linear", "log")


def test_a_rate_range_shows_each_batch_and_the_running_mean_over_the_rate():
    (axes,) = plots.range_curve(RateRange((0.1, 1.0, 10.0), (2.0, 1.0, 900.0))).axes
    assert drawn(axes)["each batch"] == [2.0, 1.0, 900.0]
    assert drawn(axes)["running mean"][:2] == pytest.approx([2.0, 1.4737], abs=1e-4)
    assert axes.get_xscale() == "log"
    assert axes.get_ylim()[1] < 900, "one loss beyond all measure would flatten the rest"


def test_a_rate_range_that_was_not_trained_says_why():
    assert plots.range_curve(RateRange(note="not here")).axes[0].texts[0].get_text() == "not here"


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


def test_masks_show_the_digit_and_five_draws_for_each_rate():
    seen = []

    def dropout(x, p, training):
        seen.append((p, training))
        return x * 0 + 2

    figure = plots.masks(torch.full((28, 28), 255, dtype=torch.uint8), [0.1, 0.5], dropout)
    assert seen == [(0.1, True)] * 5 + [(0.5, True)] * 5
    shown = [float(axes.images[0].get_array().max()) for axes in figure.axes]
    assert shown == [1, 2, 2, 2, 2, 2] * 2


def test_parameters_lie_side_by_side_up_to_their_sum():
    (axes,) = plots.parameter_bars({"Net": {"c1": 1_000, "c2": 2_500, "bias": 10}}, title="t").axes
    assert [(bar.get_x(), bar.get_width()) for bar in axes.patches] == [(0, 1_000), (1_000, 2_500), (3_500, 10)]
    assert [text.get_text() for text in axes.texts] == ["c1\n1,000", "c2\n2,500", " 3,510"]


def test_the_chances_are_those_of_a_normal_spread():
    (axes,) = plots.chances(0.05).axes
    levels = list(axes.lines[0].get_xdata())
    found = drawn(axes)
    at_the_line, below = levels.index(pytest.approx(99.40)), levels.index(pytest.approx(99.35))
    assert [values[at_the_line] for values in found.values()] == pytest.approx([0.5, 0.5, 1 - 0.5**10])
    one, majority, best = (values[below] for values in found.values())
    assert one == pytest.approx(0.1587, abs=1e-4)  # one standard deviation below
    assert majority < one < best
