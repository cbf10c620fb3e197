"""source/ -> solutions/: each lesson executed from top to bottom, with real training.

A finished solution records the fingerprint of what it was made from, and is not executed again until that changes. Its
finished trainings are cached too (`solution_cache`), so that an interrupted solution loses at most one training.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import click
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode

import course
from autograder.authoring import solution_cache
from autograder.gradebook.new_course.lessons import notebook_path
from course.errors import GraderError

METADATA, MADE_FROM = "under8k", "made_from"  # the fingerprint is notebook.metadata[METADATA][MADE_FROM]


def fingerprint(source: str) -> str:
    """The SHA-256 of everything that a solution depends on: the notebook's text, the course and the training loop."""
    from course.training import TRAINER_VERSION

    return hashlib.sha256("\0".join([source, course.__version__, str(TRAINER_VERSION)]).encode()).hexdigest()


def is_up_to_date(root: Path, lesson: str) -> bool:
    """Was the lesson's solution made from today's source?"""
    path = notebook_path(root, "solutions", lesson)
    if not path.exists():
        return False
    made_from: object = nbformat.read(path, as_version=4).metadata.get(METADATA, {}).get(MADE_FROM)
    return made_from == fingerprint(notebook_path(root, "source", lesson).read_text(encoding="utf-8"))


def solve(root: Path, lesson: str, *, use_cache: bool = True) -> NotebookNode:
    """Execute the lesson; without `use_cache`, trainings that were finished earlier are run again.

    Raises GraderError when a cell fails or the kernel dies.
    """
    source = notebook_path(root, "source", lesson).read_text(encoding="utf-8")
    notebook: NotebookNode = nbformat.reads(source, as_version=4)
    try:
        _LessonClient(notebook, lesson, root, use_cache=use_cache).execute()
    except CellExecutionError as error:
        raise GraderError(f"{lesson} cannot be solved, a cell failed: {error.ename}: {error.evalue}") from error
    except (DeadKernelError, AssertionError):  # on Ctrl-C nbclient cleans up twice, and its second time asserts
        raise GraderError(f"{lesson} was interrupted. Lessons finished before are kept: start again.") from None
    notebook.metadata[METADATA] = {MADE_FROM: fingerprint(source)}
    return notebook


class _LessonClient(NotebookClient):
    """Reports progress, and keeps out of the notebook what differs between machines: warnings and times of day."""

    def __init__(self, notebook: NotebookNode, lesson: str, root: Path, *, use_cache: bool):
        # coalesced: a cell has one stream, in which a progress bar leaves only its last state
        super().__init__(notebook, coalesce_streams=True, record_timing=False, timeout=None)
        if use_cache:
            self.extra_arguments = [f"--ext={solution_cache.__name__}"]
        self.resources = {"metadata": {"path": str(root)}}
        self.lesson = lesson

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> NotebookNode | None:
        """Print the lines of the log as they come. Stderr is printed but not kept: it is full of local paths."""
        if msg["msg_type"] == "stream":
            stream, text = msg["content"]["name"], msg["content"]["text"]
            for line in text.splitlines():
                if line.startswith(("EPOCH", "Test set")) or (stream == "stderr" and line.strip()):
                    click.echo(f"{self.lesson}: {line}")
            if stream == "stderr":
                return None
        output: NotebookNode | None = super().process_message(msg, cell, cell_index)
        return output
