"""`RestoreCells`: the gradebook decides which cells of a submission count, and what is in the locked ones."""

from __future__ import annotations

from itertools import chain
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader.api import Gradebook
from nbgrader.preprocessors import OverwriteCells

Resources = dict[str, Any]


class RestoreCells(OverwriteCells):
    """Gives each cell what the gradebook says of it, whatever was done to the notebook's metadata.

    Locked cells are put back as they were released; missing ones return to their place; of a cell that is there twice
    the last one counts. What the gradebook does not know is an ordinary cell.
    """

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        place = resources["nbgrader"]
        with Gradebook(place["db_url"]) as gradebook:
            known = _Known(gradebook.find_notebook(place["notebook"], place["assignment"]))
            cells: list[NotebookNode] = []
            at: dict[str, int] = {}  # name -> index in `cells`
            for cell in nb.cells:
                given = cell.metadata.pop("nbgrader", None)
                name = given.get("grade_id") if isinstance(given, dict) else None
                if isinstance(name, str) and name in known.sources:
                    if name in at:
                        self.log.warning("Cell %r is there twice: the last one counts", name)
                        cells[at[name]].metadata.pop("nbgrader")
                    at[name] = len(cells)
                    cell = known.restored(name, cell)
                cells.append(cell)
            for name in reversed(known.graded()):
                if name not in at:
                    self.log.warning("Cell %r is missing from the submission: put back", name)
                    where = known.place(name, at, len(cells))
                    cells.insert(where, self._returned(known, name))
                    at = {other: i + (i >= where) for other, i in at.items()} | {name: where}
            nb.cells = cells
        return nb, resources

    def _returned(self, known: _Known, name: str) -> NotebookNode:
        notice = self.missing_cell_notification.format(cell_id=name)
        source = known.sources[name]
        text = f"# {notice}" if source.cell_type == "code" else notice
        return known.made(name, text + source.source)


class _Known:
    """What the gradebook knows of a notebook's cells, by name, in the notebook's order."""

    def __init__(self, notebook: Any):
        self.sources = {cell.name: cell for cell in notebook.source_cells}
        self._grade = {cell.name: float(cell.max_score) for cell in notebook.grade_cells}
        self._tasks = {cell.name: float(cell.max_score) for cell in notebook.task_cells}
        self._solutions = {cell.name for cell in notebook.solution_cells}

    def graded(self) -> list[str]:
        return [name for name in self.sources if name in self._grade or name in self._tasks]

    def place(self, name: str, at: dict[str, int], end: int) -> int:
        """Where a missing cell goes: behind the nearest one before it that is there, or before the nearest after it."""
        names = list(self.sources)
        here = names.index(name)
        before = (at[other] + 1 for other in reversed(names[:here]) if other in at)
        after = (at[other] for other in names[here:] if other in at)
        return next(chain(before, after, [end]))

    def restored(self, name: str, cell: NotebookNode) -> NotebookNode:
        source = self.sources[name]
        return self.made(name, source.source if source.locked else cell.source, cell.get("id"))

    def made(self, name: str, text: str, cell_id: str | None = None) -> NotebookNode:
        source = self.sources[name]
        metadata = {
            "schema_version": 3,
            "grade_id": name,
            "grade": name in self._grade,
            "solution": name in self._solutions,
            "task": name in self._tasks,
            "locked": bool(source.locked),
            "checksum": source.checksum,
            "cell_type": source.cell_type,
        }
        if points := {**self._grade, **self._tasks}.get(name):
            metadata["points"] = points
        elif metadata["grade"] or metadata["task"]:
            metadata["points"] = 0.0
        new = new_code_cell if source.cell_type == "code" else new_markdown_cell
        cell = new(text, metadata={"nbgrader": metadata})
        return cell if cell_id is None else NotebookNode(cell, id=cell_id)
