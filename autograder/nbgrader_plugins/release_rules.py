"""`ReleaseRules`: writes the course's limits beside a released notebook, where a student's own check finds them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor

from course.files import write_atomically
from course.rules import PACKAGED, assignments, choose_course, load_rules, rules_file
from course.rules.limits import to_toml


class ReleaseRules(NbGraderPreprocessor):
    """In a course with its own rules, adds a `rules.toml` with its tables to what is released.

    A notebook that students have shows these limits; the grader reads the course's own file.
    """

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        converter = self.parent.parent  # what runs this preprocessor, as a part of its exporter
        choose_course(Path(converter.coursedir.root))
        assignment: str = resources["nbgrader"]["assignment"]
        if rules_file() != PACKAGED and assignment in assignments():
            folder = Path(converter._format_dest(assignment, "."))
            # all of them: pictures in a lesson show how far it is to the challenge
            write_atomically(folder / PACKAGED.name, "\n".join(to_toml(load_rules(name)) for name in assignments()))
        return nb, resources
