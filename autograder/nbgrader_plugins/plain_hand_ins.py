"""nbgrader collects and copies plain files alone, and leaves no student out whose name looks like a pattern.

For `nbgrader autograde` there is no setting for this. `SubmissionReader` is made after nbgrader has found the
submissions and before it copies the first file, and gives its converter and its course folder the classes below.
"""

from __future__ import annotations

import glob
import os
import shutil
import stat
from datetime import datetime
from pathlib import Path
from typing import Any

from nbconvert.exporters import HTMLExporter
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde
from nbgrader.converters.base import BaseConverter, NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.exchange.default import ExchangeCollect
from nbgrader.utils import find_all_files, remove

from autograder.console import printable, student_name
from autograder.grading.plain_files import describe_special, open_plain
from autograder.nbgrader_plugins.gradebook_version import gradebook_problem
from course.errors import UsageError

MAX_TIMESTAMP = 10_000  # bytes


def take_plain_files_only(converter: BaseConverter) -> None:
    """Let this run of nbgrader's follow no links. Raises NbGraderException for a gradebook of another version."""
    if problem := gradebook_problem(converter.coursedir.db_url):
        converter.log.error(problem)
        raise NbGraderException(problem)
    if type(converter) is Autograde:
        converter.__class__ = PlainAutograde
    if type(converter.coursedir) is CourseDirectory:
        converter.coursedir.__class__ = PlainCourseDirectory
    find_all_notebooks(converter)


def find_all_notebooks(converter: BaseConverter) -> None:
    """Add the submissions in folders like `lea[x]`: nbgrader takes such a name for a pattern and finds no notebook."""
    pattern = converter._format_source(converter.coursedir.assignment_id, converter.coursedir.student_id)
    for folder in glob.glob(pattern):
        if folder not in converter.assignments:
            notebooks = glob.glob(os.path.join(glob.escape(folder), converter.coursedir.notebook_id + ".ipynb"))
            if notebooks:
                converter.log.info("Found after all, since its name is no pattern: %s", folder)
                converter.assignments[folder] = notebooks


class PlainCourseDirectory(CourseDirectory):
    """Waits for no pipe that is called timestamp.txt."""

    def get_existing_timestamp(self, dest_path: str) -> datetime | None:
        path = Path(dest_path, "timestamp.txt")
        try:
            problem = describe_special(path)
            if not problem and path.stat().st_size > MAX_TIMESTAMP:
                problem = f"too large for a time ({path.stat().st_size:,} bytes, and {MAX_TIMESTAMP:,} are allowed)"
        except FileNotFoundError:
            return None
        if problem:
            self.log.warning("%s is %s: it is not read, and the submission has no time.", path, problem)
            return None
        time: datetime | None = super().get_existing_timestamp(dest_path)
        return time


class CopiesPlainFiles(BaseConverter):
    """What `Autograde` finds in the place of `BaseConverter`: it copies the files beside the notebooks itself."""

    def init_assignment(self, assignment_id: str, student_id: str) -> None:
        source, target = (Path(find(assignment_id, student_id)) for find in (self._format_source, self._format_dest))
        for name in find_all_files(str(source), [*self.coursedir.ignore, "*.ipynb"]):
            path = Path(name)
            if problem := describe_special(path):
                self.log.warning("%s is %s: it is left out. Tell %s to hand in plain files.", path, problem, student_id)
                continue
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            if copy.exists():
                remove(str(copy))
            self.log.info("Copying %s -> %s", path, copy)
            with open_plain(path) as file, copy.open("wb") as written:
                shutil.copyfileobj(file, written)


class PlainAutograde(Autograde, CopiesPlainFiles):
    """nbgrader's Autograde, for hand-ins that nobody has looked at."""

    def init_destination(self, assignment_id: str, student_id: str) -> bool:
        self._check_student(student_id)
        process: bool = super().init_destination(assignment_id, student_id)
        return process

    def _check_student(self, student_id: str) -> None:
        """Raises UsageError for a name that would be another student's if nobody saw the difference."""
        name = student_name(student_id)
        if name == student_id:
            return
        with Gradebook(self.coursedir.db_url, self.coursedir.course_id) as gradebook:
            known = {str(student.id) for student in gradebook.students}
        if student_id in known and name not in known:  # graded so by an earlier version
            return
        raise UsageError(
            f"The folder {student_id!r} ({student_id!a}) in {self.coursedir.submitted_directory}/ would be a "
            f"student beside {name!r}: the names differ by what nobody sees. Rename it to {name!r}, and start again."
        )


class FeedbackExporter(HTMLExporter):
    """nbconvert's HTMLExporter with its settings, for `nbgrader generate_feedback`: nobody is left out."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if isinstance(self.parent, BaseConverter):
            find_all_notebooks(self.parent)


class PlainCollect(ExchangeCollect):
    """nbgrader's `collect`, which would copy what a link leads to, with the teacher's rights.

    Students own what they put into the exchange, so a link may be there whatever `nbgrader submit` has copied.
    """

    def do_copy(self, src: str, dest: str, log: Any = None) -> None:
        if os.path.islink(src):
            self.log.error("%s is a symbolic link, so it is not collected: ask for the files themselves", src)
            return
        left_out = [path for path in Path(src).rglob("*") if not _is_plain(path)]
        for path in left_out:
            self.log.warning("%s is a link, a pipe or a device, so it is not collected", printable(str(path)))
        ignored = self.coursedir.ignore
        self.coursedir.ignore = [*ignored, *{glob.escape(path.name) for path in left_out}]
        try:
            super().do_copy(src, dest, log)
        finally:
            self.coursedir.ignore = ignored


def _is_plain(path: Path) -> bool:
    """A folder, or a file that has no other name."""
    found = path.lstat()
    return stat.S_ISDIR(found.st_mode) or (stat.S_ISREG(found.st_mode) and found.st_nlink == 1)
