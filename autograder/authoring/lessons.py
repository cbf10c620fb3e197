"""source/ -> release/ for students, and solutions/ with everything run.

    python -m autograder.authoring.lessons release [LESSON...]     # with nbgrader: solutions taken out
    python -m autograder.authoring.lessons check [LESSON...]       # is release/ what source/ makes today?
    python -m autograder.authoring.lessons solutions [LESSON...]   # train for real; 15 minutes or more a lesson
    python -m autograder.authoring.lessons course [LESSON...]      # release, and enter into the gradebook

Without LESSON, all of source/. A release is the same bytes whenever it is made from the same source. A solution that is
finished keeps a fingerprint of what it was made from and is not run again until that changes, and a training that is
finished is kept and not run again until its recipe changes: `solutions` can be interrupted and started again.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from pathlib import Path

import click
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode
from nbgrader.converters import GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

import course
from autograder.console import report_errors
from course.errors import GraderError, UsageError
from course.files import write_atomically

ROOT = Path(__file__).resolve().parents[2]
CONFIG = "nbgrader_config.py"
SOLUTION, MADE_FROM = "under8k", "made_from"  # where a solution's metadata holds its fingerprint


def lessons(root: Path = ROOT) -> tuple[str, ...]:
    """The lessons in source/, by name. A folder holds one notebook, of its own name."""
    return tuple(sorted(path.stem for path in (root / "source").glob("*/*.ipynb") if path.stem == path.parent.name))


def notebook(root: Path, step: str, lesson: str) -> Path:
    """Where the lesson lies in `step`: source, release or solutions."""
    return root / step / lesson / f"{lesson}.ipynb"


def released(root: Path, lesson: str) -> str:
    """The notebook that students get, as text. Raises GraderError when nbgrader cannot make it."""
    with tempfile.TemporaryDirectory(prefix="under8k-") as folder:
        there = Path(folder).resolve()
        source = notebook(there, "source", lesson)
        source.parent.mkdir(parents=True)
        source.write_bytes(notebook(root, "source", lesson).read_bytes())
        # nbgrader writes into a gradebook unless it is told to leave it alone
        config = Config(PyFileConfigLoader(CONFIG, path=str(root)).load_config())
        config.CourseDirectory.update(root=str(there), db_url="sqlite://", assignment_id=lesson)
        config.GenerateAssignment.no_database = True
        config.SaveCells.enabled = False
        _generate(config, lesson)
        return notebook(there, "release", lesson).read_text(encoding="utf-8")


def enrolled(root: Path, lesson: str) -> None:
    """Release the lesson in place, and tell the course's gradebook of it, which loses nothing. Raises GraderError."""
    config = Config(PyFileConfigLoader(CONFIG, path=str(root)).load_config())
    config.CourseDirectory.assignment_id = lesson
    programs = str(Path(sys.executable).parent)  # nbgrader makes its tables with the program `alembic`
    os.environ["PATH"] = os.pathsep.join([programs, os.environ.get("PATH", "")])
    _generate(config, lesson)


def _generate(config: Config, lesson: str) -> None:
    try:
        GenerateAssignment(coursedir=CourseDirectory(config=config), config=config, force=True).start()
    except NbGraderException:
        raise GraderError(f"nbgrader cannot release {lesson}: what it said stands above. Mend source/.") from None


def stale(root: Path, chosen: tuple[str, ...]) -> list[str]:
    """A sentence for each released notebook that is not what source/ makes, and for each that nothing makes."""
    found = []
    for lesson in chosen:
        path = notebook(root, "release", lesson)
        if not path.exists():
            found.append(f"{path.relative_to(root)} is missing: run `make release`.")
        elif path.read_text(encoding="utf-8") != released(root, lesson):
            found.append(f"{path.relative_to(root)} is not what source/ makes: run `make release`, and commit it.")
    known = lessons(root)
    for path in sorted((root / "release").glob("*/*")):
        if path != notebook(root, "release", path.stem) or path.stem not in known:
            found.append(f"{path.relative_to(root)} has no notebook in source/: delete it.")
    return found


def fingerprint(source: str) -> str:
    """Changes with whatever a solution is made from: the notebook, the course, the training loop."""
    from course.training.loop import TRAINER_VERSION

    return hashlib.sha256("\0".join([source, course.__version__, str(TRAINER_VERSION)]).encode()).hexdigest()


def is_solved(root: Path, lesson: str) -> bool:
    """Is the lesson in solutions/, made from what is here now?"""
    path = notebook(root, "solutions", lesson)
    if not path.exists():
        return False
    made_from = nbformat.read(path, as_version=4).metadata.get(SOLUTION, {}).get(MADE_FROM)
    return made_from == fingerprint(notebook(root, "source", lesson).read_text(encoding="utf-8"))


def solved(root: Path, lesson: str, *, fresh: bool = False) -> NotebookNode:
    """Run the lesson from top to bottom, training and all; `fresh` also what `solution_cache` remembers.

    Raises GraderError when a cell fails or the kernel dies.
    """
    source = notebook(root, "source", lesson).read_text(encoding="utf-8")
    executed = nbformat.reads(source, as_version=4)
    try:
        _Client(executed, lesson, root, remember=not fresh).execute()
    except CellExecutionError as error:
        raise GraderError(f"{lesson} cannot be solved, a cell failed: {error.ename}: {error.evalue}") from error
    except (DeadKernelError, AssertionError):  # after Ctrl-C nbclient cleans up twice, and asserts the second time
        raise GraderError(f"{lesson} was interrupted. Lessons finished before are kept: start again.") from None
    executed.metadata[SOLUTION] = {MADE_FROM: fingerprint(source)}
    return executed


class _Client(NotebookClient):
    """Says how far it is, and leaves out what differs from machine to machine: warnings, times of day."""

    def __init__(self, executed: NotebookNode, lesson: str, root: Path, *, remember: bool):
        # one stream per cell, in which a bar has only its last state
        super().__init__(executed, coalesce_streams=True, record_timing=False, timeout=None)
        if remember:
            self.extra_arguments = ["--IPKernelApp.exec_lines=from autograder import kept; kept.remember()"]
        self.resources = {"metadata": {"path": str(root)}}
        self.lesson = lesson

    def process_message(self, msg: dict, cell: NotebookNode, cell_index: int) -> NotebookNode | None:
        """Show the log's lines while they are made; stderr is shown and not kept: it is full of local paths."""
        if msg["msg_type"] == "stream":
            text = msg["content"]["text"]
            for line in text.splitlines():
                if line.startswith(("EPOCH", "Test set")) or (msg["content"]["name"] == "stderr" and line.strip()):
                    click.echo(f"{self.lesson}: {line}")
            if msg["content"]["name"] == "stderr":
                return None
        return super().process_message(msg, cell, cell_index)


lesson_argument = click.argument("chosen", metavar="[LESSON]...", nargs=-1)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Make release/ and solutions/ from source/, where the lessons are edited."""


@main.command()
@lesson_argument
@report_errors
def release(chosen: tuple[str, ...]) -> None:
    """Write release/: what students get, with the solutions taken out."""
    for lesson in chosen_or_all(chosen):
        write_atomically(notebook(ROOT, "release", lesson), released(ROOT, lesson))
        click.echo(f"{lesson}: released")


@main.command()
@lesson_argument
@report_errors
def check(chosen: tuple[str, ...]) -> None:
    """Say whether release/ is what source/ makes today; exit code 1 when it is not."""
    if found := stale(ROOT, chosen_or_all(chosen)):
        click.echo("\n".join(found), err=True)
        sys.exit(1)
    click.echo("release/ is what source/ makes.")


@main.command(name="course")
@lesson_argument
@report_errors
def course_command(chosen: tuple[str, ...]) -> None:
    """Make a clone a working course: release the lessons and enter them into the gradebook. Nothing in it is lost."""
    for lesson in chosen_or_all(chosen):
        enrolled(ROOT, lesson)
        click.echo(f"{lesson}: released, and in the gradebook")
    click.echo("Next: `nbgrader release_assignment NAME`, or formgrader in `jupyter lab`.")


@main.command()
@lesson_argument
@click.option("--force", is_flag=True, help="Run also what is finished and unchanged, every training.")
@report_errors
def solutions(chosen: tuple[str, ...], force: bool) -> None:
    """Write solutions/: the lessons run from top to bottom, with real training."""
    from course import data

    names = chosen_or_all(chosen)
    data.ensure()  # so that no notebook keeps a download's log
    for number, lesson in enumerate(names, start=1):
        where = f"{lesson} ({number} of {len(names)})"
        if not force and is_solved(ROOT, lesson):
            click.echo(f"{where}: unchanged since it was run")
            continue
        click.echo(f"{where}: running")
        write_atomically(notebook(ROOT, "solutions", lesson), nbformat.writes(solved(ROOT, lesson, fresh=force)) + "\n")
        click.echo(f"{where}: solved")


def chosen_or_all(names: tuple[str, ...]) -> tuple[str, ...]:
    """The lessons asked for, or all. Raises UsageError for one that is not in source/."""
    known = lessons(ROOT)
    for name in names:
        if name not in known:
            raise UsageError(f"There is no lesson {name!r} in source/. The lessons are: {', '.join(known)}.")
    return names or known


if __name__ == "__main__":
    main()
