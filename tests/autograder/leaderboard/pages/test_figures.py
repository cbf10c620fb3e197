"""What all figures share."""

from autograder.leaderboard.pages.figures import horizontal_goal, plain, vertical_goal


def test_a_students_text_is_shown_letter_by_letter():
    assert plain("<b>&\x1b[31m") == "&lt;b&gt;&amp; [31m"
    assert len(plain("x" * 200)) == 80


def test_goals_cross_the_whole_figure():
    line = horizontal_goal(99.4)
    assert (line["y0"], line["y1"], line["x0"], line["x1"], line["xref"]) == (99.4, 99.4, 0, 1, "paper")
    line = vertical_goal(7_999)
    assert (line["x0"], line["x1"], line["y0"], line["y1"], line["yref"]) == (7_999, 7_999, 0, 1, "paper")
