"""`RestoreCells`: the gradebook decides which cells of a submission count, and what is in the locked ones."""

from __future__ import annotations

from itertools import chain
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader.api import Gradebook
from nbgrader.api import Notebook as GradebookNotebook
from nbgrader.preprocessors import OverwriteCells

from autograder.grading.read_submission import cell_names, grade_id
from autograder.grading.unfinished import add_mark
from autograder.nbgrader_plugins.student_texts.pictures import keep_pictures, named_attachments

BY_ID = (
    "**An editor has removed nbgrader's metadata from {count} of this notebook's cells: {names}.** The grader knows "
    "them by their ids and grades them like all others, so nothing is lost. JupyterLab keeps the metadata."
)
NO_NAMES = (
    "**No cell of this notebook has nbgrader's metadata or an id of the assignment, so the grader does not know which "
    "cells are your answers.** An editor may have removed both. Fetch the assignment again, copy your answers into its "
    "cells, and hand in that file."
)


class RestoreCells(OverwriteCells):
    """Gives each cell the metadata that the gradebook has for it, whatever the submission says.

    A cell without nbgrader's metadata is known by its id, and a notice at the top of the notebook says so.
    A locked cell gets the source that was released. A missing graded cell is put back in its place. If a cell appears
    twice, the last one counts. A cell that the gradebook does not know becomes an ordinary one. Pictures that students
    pasted into their own Markdown cells stay, and those that the text of a locked one shows, within limits.
    """

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        names = resources["nbgrader"]
        with Gradebook(names["db_url"]) as gradebook:
            known = _GradebookCells(gradebook.find_notebook(names["notebook"], names["assignment"]))
            names = cell_names(nb.cells)
            notices = self._notices(nb.cells, names, known)
            cells, index = self._restore_submitted(nb.cells, names, known)
            keep_pictures(cells)
            self._insert_missing(cells, index, known)
            nb.cells = [*notices, *cells]
        add_mark(nb)
        return nb, resources

    def _notices(
        self, submitted: list[NotebookNode], names: list[str | None], known: _GradebookCells
    ) -> list[NotebookNode]:
        """A cell that says whose metadata is missing, if any; nothing for a file that was no notebook."""
        found = [(cell, name) for cell, name in zip(submitted, names, strict=True) if name in known.sources]
        by_id = dict.fromkeys(f"`{name}`" for cell, name in found if grade_id(cell) is None)
        if by_id:
            text = BY_ID.format(count=len(by_id), names=", ".join(by_id))
        elif not found and any(cell.cell_type == "code" for cell in submitted):
            text = NO_NAMES
        else:
            return []
        self.log.warning("%s", text.replace("**", ""))
        return [new_markdown_cell(text)]

    def _restore_submitted(
        self, submitted: list[NotebookNode], names: list[str | None], known: _GradebookCells
    ) -> tuple[list[NotebookNode], dict[str, int]]:
        """The submission's cells as they count, and for each known cell its index among them."""
        cells: list[NotebookNode] = []
        index: dict[str, int] = {}
        for cell, name in zip(submitted, names, strict=True):
            cell.metadata.pop("nbgrader", None)
            if name is not None and name in known.sources:
                if name in index:
                    self.log.warning("Cell %r appears twice: the last one counts", name)
                    cells[index[name]].metadata.pop("nbgrader")
                index[name] = len(cells)
                cell = known.restore(name, cell)
            cells.append(cell)
        return cells, index

    def _insert_missing(self, cells: list[NotebookNode], index: dict[str, int], known: _GradebookCells) -> None:
        for name in reversed(known.graded()):
            if name not in index:
                self.log.warning("Cell %r is missing from the submission: put back", name)
                new = known.position(name, index, len(cells))
                cells.insert(new, self._with_notice(known, name))
                index.update({other: i + 1 for other, i in index.items() if i >= new})
                index[name] = new

    def _with_notice(self, known: _GradebookCells, name: str) -> NotebookNode:
        """The released cell, which begins by saying that it was missing."""
        notice = self.missing_cell_notification.format(cell_id=name)
        source = known.sources[name]
        text = f"# {notice}" if source.cell_type == "code" else notice
        return known.make(name, text + source.source)


class _GradebookCells:
    """The cells of a notebook as the gradebook has them, by name, in the notebook's order."""

    def __init__(self, notebook: GradebookNotebook):
        self.sources = {cell.name: cell for cell in notebook.source_cells}
        self._grade_points = {cell.name: float(cell.max_score) for cell in notebook.grade_cells}
        self._task_points = {cell.name: float(cell.max_score) for cell in notebook.task_cells}
        self._solutions = {cell.name for cell in notebook.solution_cells}

    def graded(self) -> list[str]:
        return [name for name in self.sources if name in self._grade_points or name in self._task_points]

    def position(self, name: str, index: dict[str, int], end: int) -> int:
        """Where a missing cell goes: after its nearest predecessor in `index`, else before its nearest successor."""
        names = list(self.sources)
        own = names.index(name)
        after_predecessor = (index[other] + 1 for other in reversed(names[:own]) if other in index)
        before_successor = (index[other] for other in names[own:] if other in index)
        return next(chain(after_predecessor, before_successor, [end]))

    def restore(self, name: str, cell: NotebookNode) -> NotebookNode:
        """The submitted cell with the gradebook's metadata and, if it is locked, the released source."""
        source = self.sources[name]
        restored = self.make(name, source.source if source.locked else cell.source, cell.get("id"))
        if "attachments" in cell and source.cell_type == "markdown":
            # the gradebook has the text of a locked cell, and not the pictures in it
            shown = named_attachments(source.source, cell.attachments) if source.locked else cell.attachments
            if shown:
                restored["attachments"] = shown
        return restored

    def make(self, name: str, text: str, cell_id: str | None = None) -> NotebookNode:
        """A cell with the gradebook's metadata."""
        source = self.sources[name]
        metadata = {
            "schema_version": 3,
            "grade_id": name,
            "grade": name in self._grade_points,
            "solution": name in self._solutions,
            "task": name in self._task_points,
            "locked": bool(source.locked),
            "checksum": source.checksum,
            "cell_type": source.cell_type,
        }
        if metadata["grade"] or metadata["task"]:
            metadata["points"] = {**self._grade_points, **self._task_points}[name]
        new = new_code_cell if source.cell_type == "code" else new_markdown_cell
        cell = new(text, metadata={"nbgrader": metadata})
        return cell if cell_id is None else NotebookNode(cell, id=cell_id)
