"""Errors say where and what, survive pickling, and form one tree."""

from __future__ import annotations

import pickle

import pytest
import torch

from course import errors
from course.errors import CourseError, Diverged, RecipeError, SpecError, is_out_of_memory, plural


def test_a_run_that_diverged_is_named_with_epoch_step_rate_limit_and_the_next_step():
    assert str(Diverged(3, 41, 0.3, 1e6)) == (
        "Training diverged in epoch 3, step 41, at learning rate 0.3: the loss is no longer finite or has grown beyond "
        "1,000,000. Try a lower learning rate or a warm-up."
    )


def test_a_diverged_run_can_be_pickled_between_processes():
    error = pickle.loads(pickle.dumps(Diverged(3, 41, 0.3, 1e6)))
    assert (error.epoch, error.step, error.learning_rate, error.max_loss) == (3, 41, 0.3, 1e6)
    assert str(error) == str(Diverged(3, 41, 0.3, 1e6))


def test_a_recipe_error_starts_with_its_line_where_there_is_one():
    assert str(RecipeError("Use torch.where.", 12)) == "Line 12: Use torch.where."
    assert str(RecipeError("Use torch.where.")) == "Use torch.where."
    error = RecipeError("Use torch.where.", 12)
    assert (error.message, error.line) == ("Use torch.where.", 12)


def test_every_error_is_a_course_error_and_an_invalid_spec_is_refused_as_a_recipe_is():
    classes = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, Exception)]
    assert len(classes) >= 8 and all(issubclass(c, CourseError) for c in classes)
    assert issubclass(SpecError, RecipeError)


def test_running_out_of_memory_is_recognised_from_python_and_from_torch():
    assert is_out_of_memory(MemoryError())
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**58, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)
    assert not is_out_of_memory(RuntimeError("shape '[3]' is invalid"))


def test_a_number_of_things_is_in_the_plural_unless_it_is_one():
    assert [plural(n, "epoch") for n in (0, 1, 2, 1234)] == ["0 epochs", "1 epoch", "2 epochs", "1,234 epochs"]
