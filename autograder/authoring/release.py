"""source/ -> release/, what students get: nbgrader takes the solutions out. The same source gives the same bytes."""

from __future__ import annotations

import tempfile
from pathlib import Path

from autograder.gradebook.new_course.lessons import lesson_names, notebook_path
from autograder.gradebook.new_course.releasing import generate
from autograder.gradebook.settings import load_config


def make_release(root: Path, lesson: str) -> str:
    """The text of the notebook that students get; nothing in `root` changes.

    Raises GraderError when nbgrader cannot generate it.
    """
    with tempfile.TemporaryDirectory(prefix="under8k-") as folder:
        course = Path(folder).resolve()
        source = notebook_path(course, "source", lesson)
        source.parent.mkdir(parents=True)
        source.write_bytes(notebook_path(root, "source", lesson).read_bytes())
        config = load_config(root)
        config.CourseDirectory.update(root=str(course), db_url="sqlite://", assignment_id=lesson)
        # otherwise nbgrader writes to a gradebook
        config.GenerateAssignment.no_database = True
        config.SaveCells.enabled = False
        generate(config, lesson)
        return notebook_path(course, "release", lesson).read_text(encoding="utf-8")


def release_problems(root: Path, chosen: tuple[str, ...]) -> list[str]:
    """A sentence for each chosen lesson whose release is missing or outdated, and for each file without a source."""
    problems = []
    for lesson in chosen:
        path = notebook_path(root, "release", lesson)
        if not path.exists():
            problems.append(f"{path.relative_to(root)} is missing: run `make release`.")
        elif path.read_text(encoding="utf-8") != make_release(root, lesson):
            problems.append(f"{path.relative_to(root)} is not what source/ makes: run `make release`, and commit it.")
    names = lesson_names(root)
    for path in sorted((root / "release").glob("*/*")):
        if path != notebook_path(root, "release", path.stem) or path.stem not in names:
            problems.append(f"{path.relative_to(root)} has no notebook in source/: delete it.")
    return problems
