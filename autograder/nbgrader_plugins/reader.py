"""`SubmissionReader`: opens whatever file was handed in.

For a file that is not a notebook, nbgrader ends with a traceback, and the student gets neither a score nor feedback.
This reader returns a notebook instead that says what is wrong and has no other cell. `RestoreCells` puts the graded
cells back, so they score 0, and there is a report to hand out. A character that cannot be read spoils no other cell,
and neither does a cell's id that is missing or not allowed.
"""

from __future__ import annotations

import io
import json
import math
import re
from pathlib import Path
from typing import IO, Any, cast
from uuid import uuid4

import nbformat
from nbconvert.exporters import NotebookExporter
from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_notebook
from nbgrader.converters import Autograde
from nbgrader.converters.base import BaseConverter, NbGraderException

from autograder.console import printable
from autograder.grading.large_notebooks import without_outputs
from autograder.grading.plain_files import describe_special
from autograder.grading.read_submission import MAX_FILE, own_id
from autograder.grading.unfinished import forget_unfinished
from autograder.nbgrader_plugins.plain_hand_ins import take_plain_files_only
from autograder.nbgrader_plugins.timezones import understand_time_zones
from autograder.store import open_store
from autograder.store.engine import store_of_course
from course.errors import CourseError
from course.files import unwritable_text, writable
from course.rules import choose_course

UNREADABLE = (
    "**This file is not a notebook that can be read, so nothing in it could be graded.** Open your own copy in "
    "JupyterLab, save it, and hand it in again. If it does not open there either, fetch the assignment again and put "
    "your answers in."
)


DAMAGED = (
    "**A character of the next cell cannot be read.** {} It is shown as \ufffd; all other cells were read as they are."
)


CELL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")  # what notebook format 4.5 allows
NOT_PLAIN = "**{} is {}, so nothing in it could be graded.** Hand in the file itself."


class SubmissionReader(NotebookExporter):
    """Reads any file as a notebook."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        understand_time_zones(self.config)  # an older nbgrader_config.py does not call it
        if isinstance(self.parent, BaseConverter):
            take_plain_files_only(self.parent)
            choose_course(Path(self.parent.coursedir.root))
        if isinstance(self.parent, Autograde):  # which starts now, and has skipped nothing yet
            _check_store(self.parent, self.config.TrainedScore.get("store", ""))
            forget_unfinished(self.parent)

    def from_filename(  # type: ignore[override]  # as for `from_file`
        self, filename: str, resources: dict[str, Any] | None = None, **options: Any
    ) -> tuple[str, dict[str, Any]]:
        path = Path(filename)
        if not (what := describe_special(path)):
            read: Any = super().from_filename(filename, resources=resources, **options)
            return cast("tuple[str, dict[str, Any]]", read)
        self.log.warning("%s is %s: it is not read", filename, what)
        resources = {} if resources is None else resources
        resources["metadata"] = ResourcesDict(name=path.stem, path=str(path.parent))
        notice = new_markdown_cell(NOT_PLAIN.format(printable(path.name, 200), what))
        result: tuple[str, dict[str, Any]] = self.from_notebook_node(
            new_notebook(cells=[notice]), resources=resources, **options
        )
        return result

    def from_file(  # type: ignore[override]  # nbconvert annotates the notebook, but all its exporters return text
        self, file_stream: IO[str], resources: dict[str, Any] | None = None, **options: Any
    ) -> tuple[str, dict[str, Any]]:
        try:
            notebook = _read_valid(file_stream)
        except Exception as error:  # the file can contain anything, and every layer of nbformat has its own errors
            self.log.warning("The notebook cannot be read: %s", str(error)[:300] or type(error).__name__)
            notebook = new_notebook(cells=[new_markdown_cell(UNREADABLE)])
        result: tuple[str, dict[str, Any]] = self.from_notebook_node(notebook, resources=resources, **options)
        return result


def _check_store(converter: Autograde, store: str) -> None:
    """Raise NbGraderException, before anything is graded or removed, if the store or its secret is not at hand."""
    url = store_of_course(store, Path(converter.coursedir.root))
    try:
        open_store(url, groupshared=converter.coursedir.groupshared).close()
    except CourseError as error:
        converter.log.error(str(error))
        raise NbGraderException(str(error)) from None


def _read_valid(file_stream: IO[str]) -> NotebookNode:
    """The notebook without outputs. Raises if any later step of nbgrader could not work with it."""
    submitted = json.loads(_text_of(file_stream))
    if isinstance(submitted, dict) and submitted.get("nbformat") == 4:
        _correct_ids(submitted)
    notebook: NotebookNode = nbformat.reads(json.dumps(submitted), as_version=4)
    notebook.cells = [shown for cell in notebook.cells for shown in (*_notices(cell), cell)]
    notebook = nbformat.from_dict(_writable(notebook))
    for cell in notebook.cells:
        if cell.cell_type == "code":  # nbgrader clears outputs anyway, so they need not be valid
            cell.update(outputs=[], execution_count=None)
    nbformat.validate(notebook, relax_add_props=True)  # nbconvert does this at each step
    nbformat.writes(notebook).encode()  # raises for what can be read but not written
    return notebook


def _correct_ids(submitted: dict[str, Any]) -> None:
    """Give each cell an id that format 4.5 allows: its own if it has one and no cell before it has the same."""
    seen: set[str] = set()
    for cell in submitted["cells"]:
        found = own_id(cell)
        cell["id"] = found if found and CELL_ID.fullmatch(found) and found not in seen else uuid4().hex[:8]
        seen.add(cell["id"])
    submitted["nbformat_minor"] = max(submitted.get("nbformat_minor", 0), 5)


def _text_of(file_stream: IO[str]) -> str:
    """All of it; bytes that are not UTF-8 spoil the text in which they are, and no other."""
    if not isinstance(file_stream, io.TextIOWrapper):  # it is text already
        return file_stream.read()
    content: bytes = file_stream.buffer.read()
    if len(content) > MAX_FILE:
        content = without_outputs(content)
    return content.decode("utf-8-sig", errors="surrogateescape")


def _notices(cell: NotebookNode) -> list[NotebookNode]:
    """A cell that says what cannot be read in `cell`, if anything."""
    source = cell.get("source")
    problem = unwritable_text(source) if isinstance(source, str) else ""
    return [new_markdown_cell(DAMAGED.format(problem))] if problem else []


def _writable(value: Any) -> Any:
    """JSON data without the text and the numbers that can be read but not written."""
    if isinstance(value, str):
        return writable(value)
    if isinstance(value, float) and not math.isfinite(value):  # json reads 1e999 as infinity
        return None
    if isinstance(value, dict):
        return {writable(key): _writable(item) for key, item in value.items()}
    return [_writable(item) for item in value] if isinstance(value, list) else value
