"""What all plots share."""

import io

import matplotlib.pyplot as plt
import pytest
import torch

from course.errors import UsageError
from course.plots import canvas
from course.rules import PACKAGED, choose_course
from tests.support.figures import image_titles, message


def test_a_figure_has_its_size_a_transparent_background_and_text_in_grey():
    figure, axes = canvas.new_figure(width=6, height=2)
    axes.set(xlabel="x", title="t")
    assert tuple(figure.get_size_inches()) == (6, 2)
    assert figure.get_facecolor()[3] == axes.get_facecolor()[3] == 0
    assert axes.xaxis.label.get_color() == axes.title.get_color() == canvas.GREY
    assert figure.number not in plt.get_fignums(), "a notebook would show an open figure a second time"


def test_a_figure_can_be_saved_as_a_picture():
    file = io.BytesIO()
    canvas.message_figure("A sentence.").savefig(file, format="png")
    assert file.getvalue().startswith(b"\x89PNG")


def test_a_sentence_takes_the_place_of_a_plot():
    assert message(canvas.message_figure("Nothing was trained.")) == "Nothing was trained."


@pytest.mark.parametrize(("count", "rows"), [(1, 1), (10, 1), (11, 2)])
def test_a_gallery_has_ten_images_a_row_in_their_order_between_black_and_white(count, rows):
    images = torch.arange(count).view(-1, 1, 1).expand(count, 2, 2)
    figure = canvas.gallery(images, [str(i) for i in range(count)], "title", black=-1, white=20)
    assert len(figure.axes) == 10 * rows
    assert image_titles(figure) == [str(i) for i in range(count)]
    shown = [axes.images[0] for axes in figure.axes if axes.images]
    assert [int(image.get_array()[0, 0]) for image in shown] == list(range(count))
    assert {image.get_clim() for image in shown} == {(-1, 20)}
    assert not any(axes.axison for axes in figure.axes)


def test_a_course_without_a_challenge_marks_its_last_assignment(tmp_path):
    rules = PACKAGED.read_text().replace("[challenge]", "[final]").replace("accuracy = 0.9940", "accuracy = 0.985")
    (tmp_path / "rules.toml").write_text(rules)
    choose_course(tmp_path)
    assert (canvas.goal_name(), canvas.goal_accuracy()) == ("final", pytest.approx(98.5))


def test_the_challenge_is_marked_at_the_accuracy_of_its_rules():
    _, axes = canvas.new_figure(width=2, height=2)
    canvas.mark_goal(axes.axhline)
    canvas.add_legend(axes)
    assert canvas.goal_accuracy() == pytest.approx(99.40)
    assert list(axes.lines[0].get_ydata()) == pytest.approx([99.40, 99.40])
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["the challenge: 99.40 %"]


def test_values_are_required_and_a_name_without_values_counts_as_one():
    with pytest.raises(UsageError, match=r"^f\(\) has nothing to draw"):
        canvas.require_values("f()", {})
    canvas.require_values("f()", {"a": []})
