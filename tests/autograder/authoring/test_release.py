"""release/ is made from source/ without side effects, and what is wrong with it is named."""

import pytest

from autograder.authoring.release import make_release, release_problems
from autograder.gradebook.new_course.lessons import notebook_path
from course.errors import GraderError
from course.files import write_atomically
from tests.support.files import files_below


def test_a_release_is_made_without_leaving_anything_behind(course_of):
    root = course_of(one=["x = 1"])
    before = files_below(root)
    text = make_release(root, "one")
    assert files_below(root) == before
    assert text == make_release(root, "one")


def test_what_is_wrong_with_a_release_is_named_with_what_to_do(course_of):
    root = course_of(one=["x = 1"], two=["y = 2"], three=["z = 3"])
    for lesson in ("one", "two"):
        write_atomically(notebook_path(root, "release", lesson), make_release(root, lesson))
    with notebook_path(root, "release", "two").open("a") as edited:
        edited.write(" ")
    write_atomically(notebook_path(root, "release", "old"), "{}")
    assert release_problems(root, ("one", "two", "three")) == [
        "release/two/two.ipynb is not what source/ makes: run `make release`, and commit it.",
        "release/three/three.ipynb is missing: run `make release`.",
        "release/old/old.ipynb has no notebook in source/: delete it.",
    ]


def test_a_source_that_nbgrader_refuses_is_named(course_of):
    root = course_of(broken=["### BEGIN SOLUTION\nx = 1"])
    with pytest.raises(GraderError, match=r"cannot generate broken.* It said: .*solution.* Correct the notebook"):
        make_release(root, "broken")
