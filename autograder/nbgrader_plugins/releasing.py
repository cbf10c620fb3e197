"""What a release gets for students: `ReleaseRules` adds the limits, `HostedNotebook` a link that opens it in Colab.

A student's own check finds the limits beside the notebook.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import TraitError, Unicode, validate

from course.data import DataSet
from course.files import write_atomically
from course.rules import PACKAGED, assignments, choose_course, load_rules, rules_file
from course.rules.limits import to_toml

REPOSITORY = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?")
SETTING = 'REPOSITORY = ""'  # in the cell that installs the course
COLAB = "https://colab.research.google.com"


class ReleaseRules(NbGraderPreprocessor):
    """In a course with its own rules, adds a `rules.toml` with its tables to what is released, and its own data set.

    A notebook that students have shows these limits and trains on this data; the grader reads the course's own files.
    """

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        converter = self.parent.parent  # what runs this preprocessor, as a part of its exporter
        choose_course(Path(converter.coursedir.root))
        assignment: str = resources["nbgrader"]["assignment"]
        if rules_file() != PACKAGED and assignment in assignments():
            folder = Path(converter._format_dest(assignment, "."))
            # all of them: pictures in a lesson show how far it is to the challenge
            write_atomically(folder / PACKAGED.name, "\n".join(to_toml(load_rules(name)) for name in assignments()))
            data_set = DataSet.of(load_rules(assignment))
            for path in () if data_set.is_published else data_set.files().paths:
                write_atomically(folder / data_set.name / path.name, path.read_bytes())
        return nb, resources


class HostedNotebook(NbGraderPreprocessor):
    """Puts the course's repository into a released notebook: a badge that opens it in Colab, and what to install there.

    Without a repository the notebook stays as it is.
    """

    repository = Unicode("", help="The course on GitHub, such as https://github.com/OWNER/NAME.").tag(config=True)
    branch = Unicode("main", help="The branch that has the released notebooks.").tag(config=True)

    @validate("repository")
    def _check_repository(self, proposal: dict[str, Any]) -> str:
        address: str = proposal["value"]
        if address and not REPOSITORY.fullmatch(address):
            raise TraitError(
                f"c.HostedNotebook.repository is {address!r}, and https://github.com/OWNER/NAME is needed: Colab opens "
                "notebooks from there. Correct it in nbgrader_config.py, or leave it empty."
            )
        return address

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        if not (found := REPOSITORY.fullmatch(self.repository)):
            return nb, resources
        names = resources["nbgrader"]
        path = f"release/{names['assignment']}/{names['notebook']}.ipynb"
        badge = (
            f"[![Open in Colab]({COLAB}/assets/colab-badge.svg)]({COLAB}/github/{found[1]}/blob/{self.branch}/{path})"
        )
        first = nb.cells[0]
        if first.cell_type == "markdown" and "nbgrader" not in first.metadata:
            first.source = f"{badge}\n\n{first.source}"
        for cell in nb.cells:
            if cell.cell_type == "code" and "nbgrader" not in cell.metadata:
                address = f'REPOSITORY = "git+https://github.com/{found[1]}.git"'
                cell.source = cell.source.replace(SETTING, address, 1)
        return nb, resources
