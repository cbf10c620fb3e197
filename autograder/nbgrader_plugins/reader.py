"""`SubmissionReader`: opens whatever file was handed in.

For a file that is not a notebook, nbgrader ends with a traceback, and the student gets neither a score nor feedback.
This reader returns a notebook instead that says what is wrong and has no other cell. `RestoreCells` puts the graded
cells back, so they score 0, and there is a report to hand out.
"""

from __future__ import annotations

from typing import IO, Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_notebook

UNREADABLE = (
    "**This file is not a notebook that can be read, so nothing in it could be graded.** Open your own copy in "
    "JupyterLab, save it, and hand it in again. If it does not open there either, fetch the assignment again and put "
    "your answers in."
)


class SubmissionReader(NotebookExporter):
    """Reads any file as a notebook."""

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


def _read_valid(file_stream: IO[str]) -> NotebookNode:
    """The notebook without outputs. Raises if any later step of nbgrader could not work with it."""
    notebook: NotebookNode = nbformat.read(file_stream, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":  # nbgrader clears outputs anyway, so they need not be valid
            cell.update(outputs=[], execution_count=None)
    nbformat.validate(notebook, relax_add_props=True)  # nbconvert does this at each step
    nbformat.writes(notebook).encode()  # raises for half of a surrogate pair, which can be read but not written
    return notebook
