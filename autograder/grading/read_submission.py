"""A file -> the source of its recipe. Nothing is run.

In a notebook it is the cell whose nbgrader `grade_id` is "recipe"; a .py file is the source as a whole. Some editors
drop nbgrader's metadata. In a released notebook a cell's own id equals its grade_id, so it is known by the id then.
"""

from __future__ import annotations

import ast
import json
import mmap
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from autograder.console import printable_name
from autograder.grading.large_notebooks import without_outputs
from autograder.grading.plain_files import hand_in_folder, open_plain
from course.errors import CourseError, StudentCodeError, UsageError
from course.files import unwritable_text

SUFFIXES = (".ipynb", ".py")  # in small letters: what can be a submission
RECIPE_CELL = "recipe"
MAX_FILE = 50_000_000  # bytes; of a larger notebook, those without its outputs
MAX_NOTEBOOK = 500_000_000  # bytes of a notebook with its outputs
MAX_SOURCE = 200_000  # characters
MAX_BESIDE = 10  # files in which a forgotten recipe is looked for


def read_recipe_source(path: Path, tell: Callable[[str], object] = lambda note: None) -> str:
    """The Python code in the file that is to bind `recipe`. `tell` gets a sentence if its cell is known by its id only.

    Raises UsageError if the file cannot be read, StudentCodeError if it has no recipe.
    """
    kind = path.suffix.lower()
    if kind not in SUFFIXES:
        raise UsageError(f"{path} is neither a notebook (.ipynb) nor a Python file (.py).")
    name = printable_name(path.name)
    try:
        if path.is_dir() and not path.is_symlink() and hand_in_folder(path) is None:
            raise UsageError(f"{path} is not a file.")
        text = read_bytes(path).decode("utf-8-sig", errors="surrogateescape")
    except FileNotFoundError:
        raise UsageError(f"There is no file {path}.") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    source = text if kind == ".py" else _recipe_cell(name, text, tell)
    if len(source) > MAX_SOURCE:
        raise StudentCodeError(f"The recipe has {len(source):,} characters, and {MAX_SOURCE:,} are allowed.")
    if problem := unwritable_text(source):
        raise StudentCodeError(f"The recipe in {name}: {problem}")
    if not source.strip():
        raise StudentCodeError(f"The recipe in {name} is empty. Bind `recipe = Recipe(...)` there.")
    return source


def worked_files_beside(path: Path) -> list[str]:
    """Names of files beside one without a recipe, in nbgrader's layout, in which a recipe is written.

    In another folder they are other students' files.
    """
    if hand_in_folder(path) != path.absolute().parent:
        return []
    others = [other for other in sorted(path.parent.iterdir()) if other.suffix.lower() in SUFFIXES and other != path]
    own, *beside = (_binds_recipe(file) for file in (path, *others[:MAX_BESIDE]))
    return [] if own else [printable_name(other.name) for other, binds in zip(others, beside, strict=False) if binds]


def _binds_recipe(path: Path) -> bool:
    try:
        body = ast.parse(read_recipe_source(path)).body
    except (CourseError, SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    targets = [target for node in body if isinstance(node, ast.Assign) for target in node.targets]
    targets += [node.target for node in body if isinstance(node, ast.AnnAssign)]
    return any(isinstance(target, ast.Name) and target.id == "recipe" for target in targets)


def read_bytes(path: Path) -> bytes:
    """The file's content; of a notebook beyond MAX_FILE, that without its outputs. Raises StudentCodeError, OSError."""
    name = printable_name(path.name)
    with open_plain(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size <= MAX_FILE:
            return file.read(MAX_FILE)
        limit = MAX_NOTEBOOK if path.suffix.lower() == ".ipynb" else MAX_FILE
        if size > limit:
            raise StudentCodeError(
                f"{name} has {size:,} bytes, and {limit:,} are allowed. Clear its outputs, or print less."
            )
        try:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                kept = without_outputs(content)
        except ValueError as error:
            raise StudentCodeError(
                f"{name} has {size:,} bytes and is not a notebook that can be read: {error}. Clear its outputs, and "
                "save it again in JupyterLab."
            ) from None
    if len(kept) > MAX_FILE:
        raise StudentCodeError(
            f"{name} has {len(kept):,} bytes without its outputs, and {MAX_FILE:,} are allowed. Take out what is large."
        )
    return kept


def cell_names(cells: Sequence[Mapping[str, Any]]) -> list[str | None]:
    """nbgrader's name of each cell, None for one without: its grade_id, or its own id if the metadata has none.

    An id that is another cell's grade_id names nothing. Raises AttributeError for what is not a cell.
    """
    grade_ids = [grade_id(cell) for cell in cells]
    taken = set(grade_ids)
    ids = (own_id(cell) for cell in cells)
    return [id if name is None and id not in taken else name for name, id in zip(grade_ids, ids, strict=True)]


def grade_id(cell: Mapping[str, Any]) -> str | None:
    """The name in a cell's nbgrader metadata; raises AttributeError for what is not a cell."""
    metadata = cell.get("metadata", {}).get("nbgrader", {})
    name = metadata.get("grade_id") if isinstance(metadata, dict) else None
    return name if isinstance(name, str) else None


def own_id(cell: Mapping[str, Any]) -> str | None:
    """A cell's id as notebooks have it since format 4.5, or where Colab puts it in older ones."""
    found = cell.get("id", cell.get("metadata", {}).get("id"))
    return found if isinstance(found, str) else None


def _recipe_cell(name: str, text: str, tell: Callable[[str], object]) -> str:
    try:
        notebook = json.loads(text)
        names = cell_names(notebook["cells"])
        named = [cell for cell, name in zip(notebook["cells"], names, strict=True) if name == RECIPE_CELL]
        cells = [cell for cell in named if cell.get("cell_type") == "code"]
        by_id = [cell for cell in cells if grade_id(cell) is None]
        stripped = all(grade_id(cell) is None for cell in notebook["cells"])
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        raise StudentCodeError(f"{name} is not a notebook that can be read. Save it again in JupyterLab.") from None
    if len(cells) != 1:
        step = "Start from the released notebook and keep its cells."
        if stripped and not cells:
            step = (
                f"No cell has nbgrader's metadata, and none has the id {RECIPE_CELL!r}: an editor may have removed "
                "both. Fetch the assignment again, copy your answers into its cells, and hand in that file."
            )
        raise StudentCodeError(
            f"{name} has {len(cells) or 'no'} cell{'s' * (len(cells) != 1)} with the grade_id {RECIPE_CELL!r}, and "
            f"exactly one is needed. {step}"
        )
    if by_id:
        tell(f"the recipe's cell has lost its nbgrader metadata and is known by its id, {RECIPE_CELL!r}")
    source = cells[0].get("source", "")
    lines = source if isinstance(source, list) else [source]
    if not all(isinstance(line, str) for line in lines):
        raise StudentCodeError(f"The recipe cell of {name} does not hold text. Save the notebook again in JupyterLab.")
    return "".join(lines)
