"""A file -> the source of its recipe. Nothing is run.

In a notebook it is the cell whose nbgrader `grade_id` is "recipe"; a .py file is the source as a whole.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from autograder.console import printable_name
from course.errors import StudentCodeError, UsageError
from course.files import unwritable_text

RECIPE_CELL = "recipe"
MAX_FILE = 50_000_000  # bytes, of a notebook with its outputs
MAX_SOURCE = 200_000  # characters


def read_recipe_source(path: Path) -> str:
    """The Python code in the file that is to bind `recipe`.

    Raises UsageError if the file cannot be read, StudentCodeError if it has no recipe.
    """
    if path.suffix not in (".ipynb", ".py"):
        raise UsageError(f"{path} is neither a notebook (.ipynb) nor a Python file (.py).")
    name = printable_name(path.name)
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise UsageError(f"{path} is not a file.")
        if size > MAX_FILE:
            raise StudentCodeError(f"{name} has {size:,} bytes, and {MAX_FILE:,} are allowed. Clear its outputs.")
        text = path.read_text(encoding="utf-8-sig", errors="surrogateescape")
    except FileNotFoundError:
        raise UsageError(f"There is no file {path}.") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    source = text if path.suffix == ".py" else _recipe_cell(name, text)
    if len(source) > MAX_SOURCE:
        raise StudentCodeError(f"The recipe has {len(source):,} characters, and {MAX_SOURCE:,} are allowed.")
    if problem := unwritable_text(source):
        raise StudentCodeError(f"The recipe in {name}: {problem}")
    if not source.strip():
        raise StudentCodeError(f"The recipe in {name} is empty. Bind `recipe = Recipe(...)` there.")
    return source


def _recipe_cell(name: str, text: str) -> str:
    try:
        notebook = json.loads(text)
        cells = [c for c in notebook["cells"] if _grade_id(c) == RECIPE_CELL and c.get("cell_type") == "code"]
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        raise StudentCodeError(f"{name} is not a notebook that can be read. Save it again in JupyterLab.") from None
    if len(cells) != 1:
        raise StudentCodeError(
            f"{name} has {len(cells) or 'no'} cell{'s' * (len(cells) != 1)} with the grade_id {RECIPE_CELL!r}, and "
            "exactly one is needed. Start from the released notebook and keep its cells."
        )
    source = cells[0].get("source", "")
    lines = source if isinstance(source, list) else [source]
    if not all(isinstance(line, str) for line in lines):
        raise StudentCodeError(f"The recipe cell of {name} does not hold text. Save the notebook again in JupyterLab.")
    return "".join(lines)


def _grade_id(cell: dict[str, Any]) -> object:
    """nbgrader's name for a cell; raises AttributeError for what is not a cell."""
    metadata = cell.get("metadata", {}).get("nbgrader", {})
    return metadata.get("grade_id") if isinstance(metadata, dict) else None
