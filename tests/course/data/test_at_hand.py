"""A notebook has the data of its own assignment, and where that is not clear, it is asked for."""

import pytest

from course import steps_per_epoch
from course.data import DataSet, assignment_at_hand, data_at_hand, data_sets, load, telling_train_size, train_size
from course.errors import DataError, RecipeError, UsageError
from course.rules import choose_course
from tests.support.own_rules import write_rules
from tests.support.striped_digits import striped_digits, write_data_set


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course at hand in which `small` has 240 striped digits of 300, and `large` all of MNIST."""
    write_data_set(tmp_path / "stripes", striped_digits(train=300, test=100))
    choose_course(write_rules(tmp_path, large={}, small={"data": "./stripes", "train_images": 240}))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("batch_size", "steps"), [(128, 469), (60_000, 1), (59_999, 2), (1, 60_000)])
def test_an_epoch_includes_the_smaller_last_batch(batch_size, steps):
    assert steps_per_epoch(batch_size) == steps


@pytest.mark.parametrize("batch_size", [0, -128, 60_001, float("nan")])
def test_a_batch_that_cannot_be_is_refused_with_the_limits(batch_size):
    with pytest.raises(RecipeError, match=f"takes a whole number from 1 to 60,000, and got {batch_size}"):
        steps_per_epoch(batch_size)


def test_outside_of_a_course_it_is_mnist():
    assert data_at_hand().key == "" and train_size() == 60_000


def test_the_name_of_the_folder_says_which_assignment_it_is(course, monkeypatch):
    for name in ("small", "large"):
        (course / "source" / name).mkdir(parents=True)
        monkeypatch.chdir(course / "source" / name)
        assert data_at_hand() == DataSet(*{"small": ("./stripes", 240), "large": ("mnist", None)}[name], course)
        assert steps_per_epoch(100) == {"small": 3, "large": 600}[name]
    monkeypatch.chdir(course / "source" / "small")
    assert len(load().train.labels) == 240


def test_a_folder_of_another_name_is_asked_for_the_assignment_where_they_differ(course, monkeypatch):
    with pytest.raises(
        UsageError, match=r"several data sets, and the folder .* has the name of none .* \(large, small\)"
    ):
        load()
    with assignment_at_hand("small"):
        assert train_size() == 240
    monkeypatch.setenv("UNDER8K_ASSIGNMENT", "large")
    with assignment_at_hand("small"):
        assert train_size() == 240
    assert train_size() == 60_000
    monkeypatch.setenv("UNDER8K_ASSIGNMENT", "medium")
    with pytest.raises(UsageError, match="no assignment 'medium'"):
        train_size()


def test_where_all_assignments_have_one_data_set_any_folder_has_it(course):
    write_rules(course, a={"train_images": 6000}, b={"train_images": 6000, "accuracy": 0.6})
    assert data_at_hand() == DataSet("mnist", 6000, course)
    assert [data_set.name for data_set in data_sets()] == ["mnist"]


def test_a_process_that_is_told_the_number_of_images_looks_nowhere(course):
    with telling_train_size(240):
        assert steps_per_epoch(100) == 3
    with pytest.raises(UsageError):
        steps_per_epoch(100)


def test_data_that_is_not_there_is_told_when_steps_are_counted(course):
    (course / "stripes" / "SHA256SUMS").unlink()
    with assignment_at_hand("small"), pytest.raises(DataError, match="SHA256SUMS is missing"):
        steps_per_epoch(100)
