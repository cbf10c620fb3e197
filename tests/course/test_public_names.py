"""What `from course import ...` gives, and that it costs nothing until it is used."""

import ast
import inspect
import subprocess
import sys

import pytest

import course


@pytest.mark.parametrize("name", course.__all__)
def test_every_public_name_is_importable(name):
    assert callable(getattr(course, name))


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'course' has no attribute 'train'"):
        _ = course.train


def test_importing_course_does_not_import_pytorch():
    script = "import course, sys; assert not {'torch', 'numpy', 'matplotlib'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_type_checkers_and_programs_see_the_same_names_from_the_same_modules():
    tree = ast.parse(inspect.getsource(course))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    imported = {alias.name: statement.module for statement in block.body for alias in statement.names}
    assert imported == course._MODULES and set(imported) == set(course.__all__)
