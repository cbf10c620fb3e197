"""Autograding that was interrupted is taken up again, by a mark in the notebook that only the last step removes.

nbgrader writes each notebook to autograded/ twice: once its cells are restored, and again when it is graded. A process
that is killed in between leaves the first one, which nbgrader would then skip for ever as graded. So `RestoreCells`
puts in a mark that names the process at work, and what is written last has none.
"""

from __future__ import annotations

import json
import os
import platform
import re
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from nbformat import NotebookNode
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.utils import remove, rmtree

from autograder.workers import owners

MARK = "under8k_autograding"  # in the notebook's metadata: host, machine and process that grade it
STARTING_SECONDS = 10.0  # so long, a folder without its notebook may be one that another process has just made
FORGOTTEN_SECONDS = 24 * 3600.0  # after that a process of another machine is no longer at work


def add_mark(nb: NotebookNode) -> None:
    """Say that this process is grading the notebook."""
    nb.metadata[MARK] = f"{platform.node()} {owners.new_owner()}"


def remove_mark(nb: NotebookNode) -> None:
    """Say that the notebook is graded."""
    nb.metadata.pop(MARK, None)


def has_mark(nb: NotebookNode) -> bool:
    """Whether the notebook is one that was not graded to its end."""
    return MARK in nb.metadata


def forget_unfinished(converter: Any) -> None:
    """Remove from autograded/ what nbgrader's Autograde, `converter`, did not finish: then it grades it again."""
    pattern = converter._format_source("(?P<assignment>.*)", "(?P<student>.*)", escape=True)
    for source, notebooks in converter.assignments.items():
        if not (found := re.match(pattern, source)):
            continue
        student, assignment = found["student"], found["assignment"]
        folder = Path(converter._format_dest(assignment, student))
        names = [Path(notebook).stem for notebook in notebooks]
        is_known = partial(_is_known, converter, assignment)
        if not folder.is_dir() or not (problem := describe_unfinished(folder, names, is_known)):
            continue
        if problem.startswith("is being"):
            converter.log.warning("%s of %s %s", assignment, student, problem)
            continue
        converter.log.warning("%s of %s %s, so it is autograded again", assignment, student, problem)
        _remove(converter, folder, names)


def describe_unfinished(folder: Path, names: list[str], is_known: Callable[[str], bool]) -> str:
    """Why what is in `folder`, of autograded/, is not graded, or who is at it ("is being ..."); empty if it is graded.

    `names` are the notebooks that were handed in. One that the gradebook does not know (`is_known`) is never graded.
    """
    for name in names:
        path = folder / f"{name}.ipynb"
        try:
            mark = _mark_in(path.read_bytes())
        except FileNotFoundError:
            if not is_known(name):  # nbgrader leaves such a notebook out
                continue
            if time.time() - folder.stat().st_mtime < STARTING_SECONDS:
                return "is being started by another process, or was interrupted a moment ago: run this again"
            return "was interrupted before its notebook was written"
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return "was interrupted while its notebook was written"
        if mark and _is_at_work(mark, silent=time.time() - path.stat().st_mtime):
            host, _, process, *_ = mark.split()
            return f"is being autograded by process {process} on {host}; if it is no longer, run this with --force"
        if mark:
            return "was interrupted in its autograding"
    return ""


def _mark_in(content: bytes) -> str:
    """The mark in a notebook; empty if there is none. Raises what JSON does for one that was not written to its end."""
    if content.endswith(b"\n}\n") and MARK.encode() not in content:  # as nearly all: parsing a class takes seconds
        return ""
    return str(json.loads(content)["metadata"].get(MARK, ""))


def _is_at_work(mark: str, silent: float) -> bool:
    """Whether the process in a mark still grades; `silent` is the age of the mark in seconds.

    Of this machine that is known. Of another one it is assumed for a day, and before this machine's start it is not.
    """
    host, _, owner = mark.partition(" ")
    if len(owner.split()) != 4:
        return False
    if owner.split()[0] == owners.machine():
        return owners.is_alive(owner, 0.0)
    if host == platform.node() and time.time() - silent < psutil.boot_time():
        return False
    return silent < FORGOTTEN_SECONDS


def _is_known(converter: Any, assignment: str, name: str) -> bool:
    with Gradebook(converter.coursedir.db_url, converter.coursedir.course_id) as gradebook:
        try:
            gradebook.find_notebook(name, assignment)
        except MissingEntry:
            return False
    return True


def _remove(converter: Any, folder: Path, names: list[str]) -> None:
    """As nbgrader does with --force."""
    if converter.coursedir.notebook_id == "*":
        rmtree(str(folder))
    else:
        for name in names:
            if os.path.exists(path := str(folder / f"{name}.ipynb")):
                remove(path)
