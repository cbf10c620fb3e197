"""The lessons of a course: their names, and where each notebook lies."""

from __future__ import annotations

from pathlib import Path


def lesson_names(root: Path) -> tuple[str, ...]:
    """The lessons in source/, sorted. A lesson is a folder with a notebook of the same name."""
    return tuple(sorted(path.stem for path in (root / "source").glob("*/*.ipynb") if path.stem == path.parent.name))


def notebook_path(root: Path, stage: str, lesson: str) -> Path:
    """The lesson's notebook in `stage`: source, release or solutions."""
    return root / stage / lesson / f"{lesson}.ipynb"
