"""Reading what was handed in, for nbgrader: `nbgrader_config.py` names `SubmissionReader`.

nbgrader ends with a traceback at a file that is no notebook, and the student has neither score nor feedback. Here such
a file is read as a notebook that says what is wrong and has no other cell: those that count come back (`RestoreCells`)
and score 0, and there is a report to hand out.
"""

from __future__ import annotations

from typing import IO, Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat.v4 import new_markdown_cell, new_notebook

UNREADABLE = (
    "**This file is not a notebook that can be read, so nothing of it could be graded.** Open your own copy in "
    "JupyterLab, save it, and hand it in again. If it does not open there either, fetch the assignment anew and put "
    "your answers in."
)


class SubmissionReader(NotebookExporter):
    """Reads any file as a notebook."""

    def from_file(self, file_stream: IO[str], resources: dict | None = None, **options: Any):
        try:
            notebook = nbformat.read(file_stream, as_version=4)
            for cell in notebook.cells:
                if cell.cell_type == "code":  # what they hold is cleared anyway, and need not be in order
                    cell.update(outputs=[], execution_count=None)
            nbformat.validate(notebook, relax_add_props=True)  # as nbconvert does at each step
            nbformat.writes(notebook).encode()  # half a character can be read and not be written
        except Exception as error:  # anything can be in it, and every layer of the reader has errors of its own
            self.log.warning("The notebook cannot be read: %s", str(error)[:300] or type(error).__name__)
            notebook = new_notebook(cells=[new_markdown_cell(UNREADABLE)])
        return self.from_notebook_node(notebook, resources=resources, **options)
