"""A small package in place of the real one: one short lesson, so that making a course takes a second."""

from __future__ import annotations

import functools
import os
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from autograder.gradebook.new_course import making
from autograder.gradebook.new_course.packaged import packaged_files
from course.rules import COURSE_VARIABLE

LESSON = "source/one/one.ipynb"


def notebook(*tests: str) -> bytes:
    """A lesson with an answer and these graded cells, `test-0`, `test-1`, ..."""

    def cell(name: str, source: str, *, grade: bool) -> nbformat.NotebookNode:
        flags = {"grade": grade, "solution": not grade, "locked": grade, "task": False, "schema_version": 3}
        return new_code_cell(
            source, id=name, metadata={"nbgrader": {"grade_id": name} | flags | ({"points": 1} if grade else {})}
        )

    answer = cell("answer", "### BEGIN SOLUTION\nx = 1\n### END SOLUTION", grade=False)
    cells = [answer, *(cell(f"test-{number}", test, grade=True) for number, test in enumerate(tests))]
    return nbformat.writes(new_notebook(cells=cells)).encode()


def set_package(patch: pytest.MonkeyPatch, version: str, **changed: bytes | None) -> None:
    """The package's version, and what differs in it from the real files beside its one lesson; None: it is gone."""

    def files(course_id: str) -> dict[str, bytes]:
        real = {path: text for path, text in packaged_files(course_id).items() if not path.startswith("source/")}
        all_files = real | {LESSON: notebook("assert x")} | changed
        return {path: content for path, content in all_files.items() if content is not None}

    patch.setattr(making, "packaged_files", files)
    patch.setattr(making, "__version__", version)


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Called with a version, and with what changed in it; it is 1.0 before."""
    monkeypatch.setenv("PATH", os.environ["PATH"])  # it is given nbgrader's programs, and gets its own back
    set_package(monkeypatch, "1.0")
    return functools.partial(set_package, monkeypatch)


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A course, and what was said while it was made; nbgrader takes seconds."""
    folder, said = tmp_path_factory.mktemp("made") / "mnist 2027", []
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nbgrader's own way with SQLAlchemy
        patch.setenv("PATH", os.environ["PATH"])
        patch.delenv(COURSE_VARIABLE, raising=False)
        set_package(patch, "1.0")
        making.make_course(folder, said.append)
    os.environ.pop(COURSE_VARIABLE, None)
    return folder, said


@pytest.fixture
def root(made_once: tuple[Path, list[str]], package: object, tmp_path: Path) -> Path:
    """A course that was just made by version 1.0."""
    shutil.copytree(made_once[0], tmp_path / "mnist 2027")
    return tmp_path / "mnist 2027"
