"""Lessons are found by name, and commands take the ones that were named."""

import pytest

from autograder.authoring import lessons
from autograder.authoring.lessons import chosen_or_all
from course.errors import UsageError


@pytest.fixture
def root(course_of, monkeypatch):
    root = course_of(two=["2"], one=["1"])
    monkeypatch.setattr(lessons, "ROOT", root)
    return root


def test_a_command_takes_the_lessons_that_are_named_or_all(root):
    assert chosen_or_all(("two",)) == ("two",)
    assert chosen_or_all(()) == ("one", "two")


def test_a_lesson_that_does_not_exist_is_answered_with_those_that_do(root):
    with pytest.raises(UsageError, match=r"^There is no lesson 'three' in source/. The lessons are: one, two\.$"):
        chosen_or_all(("one", "three"))
