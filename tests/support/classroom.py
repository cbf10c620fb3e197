"""A course for the tests: the real lessons, nbgrader's real commands, and students who hand in notebooks.

The tests depend on nbgrader's metadata in a lesson (the cells `recipe` and `trained_score`), and never on its text.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.api import Gradebook

ROOT = Path(__file__).parents[2]
LEARNS = """
from functools import partial
import torch.nn as nn
from torch.optim import Adam
from course import Recipe

def Net():
    return nn.Sequential(
        nn.Conv2d(1, 8, 5, stride=2), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 16, 3, stride=2), nn.BatchNorm2d(16),
        nn.ReLU(), nn.Flatten(), nn.Linear(400, 10), nn.LogSoftmax(dim=1),
    )

recipe = Recipe(model=Net, optimizer=partial(Adam, lr=0.01), epochs=2)
"""
WAVERS = """
from functools import partial
import torch.nn as nn
from torch.optim import SGD
from course import Recipe

def Net():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 5), nn.ReLU(), nn.Linear(5, 10), nn.LogSoftmax(dim=1))

recipe = Recipe(model=Net, optimizer=partial(SGD, lr=0.05, momentum=0.9), epochs=2)
"""
STANDS_STILL = LEARNS.replace("lr=0.01", "lr=1e-7")
TOO_LARGE = LEARNS.replace("nn.Linear(400, 10)", "nn.Linear(400, 20), nn.ReLU(), nn.Linear(20, 10)")
CRASHES = LEARNS + "\n1 / 0\n"


class Course:
    """A course in a folder of its own. `settings` are lines of its nbgrader_config.py, after those of the project.

    Results go to `store`. The gradebook is at `db_url`, or in a SQLite file in the course's folder.
    """

    def __init__(self, folder: Path, settings: str, *, store: str, db_url: str | None = None):
        self.root, self.exchange, self.log = folder / "course", folder / "exchange", folder / "log.txt"
        self.root.mkdir(parents=True)
        self.exchange.mkdir()
        self.exchange.chmod(0o777)
        shutil.copytree(ROOT / "source", self.root / "source")
        db_url = db_url or f"sqlite:///{self.root / 'gradebook.db'}"
        lines = [
            (ROOT / "nbgrader_config.py").read_text(),
            f"c.CourseDirectory.root = {str(self.root)!r}",
            f"c.CourseDirectory.db_url = {db_url!r}",
            f"c.Exchange.root = {str(self.exchange)!r}",
            f"c.Exchange.cache = {str(folder / 'cache')!r}",
            "c.ExchangeCollect.check_owner = False",  # one user of this machine hands in for all students
            f"c.TrainedScore.store = {store!r}",
            settings,
        ]
        (self.root / "nbgrader_config.py").write_text("\n".join(lines) + "\n")
        self.db_url, self.settings = db_url, settings

    def nbgrader(self, *arguments: str, code: int = 0, cwd: Path | None = None) -> str:
        """Run one of nbgrader's commands in the course's folder, or in a student's, `cwd`. Its output is logged too."""
        return self._run("nbgrader", *arguments, code=code, cwd=cwd or self.root)

    def nbgrader_at_once(self, *commands: str, given: Iterable[tuple[Path, str]] = ()) -> str:
        """The same for several commands, in one process; `given` names a folder for each of its commands."""
        lines = [*((self.root, command) for command in commands), *given]
        todo = json.dumps([(str(folder), shlex.split(command)) for folder, command in lines])
        return self._run("tests.support.nbgrader_at_once", given=todo)

    def _run(self, *arguments: str, code: int = 0, cwd: Path = ROOT, given: str = "") -> str:
        command = [sys.executable, "-W", "ignore", "-m", *arguments]
        done = subprocess.run(
            command, cwd=cwd, env=environment(), input=given, capture_output=True, text=True, timeout=900, check=False
        )
        output = done.stdout + done.stderr
        with self.log.open("a") as log:
            log.write(f"$ {' '.join(arguments)} {given}\n{output}\n")
        assert done.returncode == code, output[-4000:]
        return output

    def autograder(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        """What one of our commands prints with --json, in the course's folder."""
        command = [sys.executable, "-W", "ignore", "-m", "autograder.cli.main", *arguments, "--json"]
        done = subprocess.run(
            command, cwd=self.root, env=environment(), capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == code, done.stdout[-4000:] + done.stderr[-4000:]
        printed: dict[str, Any] = json.loads(done.stdout)
        return printed

    def gradebook(self) -> Gradebook:
        return Gradebook(self.db_url, "under8k")

    def scores(self, assignment: str, student: str) -> dict[str, float | None]:
        """Cell -> points; None while a person has to grade it."""
        with self.gradebook() as gradebook:
            grades = gradebook.find_submission_notebook(assignment, assignment, student).grades
            return {g.name: None if g.needs_manual_grade else g.score for g in grades}

    def autograded(self, assignment: str, student: str) -> nbformat.NotebookNode:
        return nbformat.read(self.root / "autograded" / student / assignment / f"{assignment}.ipynb", as_version=4)

    def report(self, assignment: str, student: str) -> str:
        """The HTML in the trained cell."""
        outputs = cell(self.autograded(assignment, student), "trained_score").outputs
        return next(o.data["text/html"] for o in outputs if "text/html" in o.get("data", {}))


def environment() -> dict[str, str]:
    paths = [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    return os.environ | {"PATH": os.pathsep.join(paths), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def cell(notebook: nbformat.NotebookNode, name: str) -> nbformat.NotebookNode:
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name)


def answer(path: Path, recipe: str, *, report: str = "What I saw, and why.") -> None:
    """Fill in a released notebook: the recipe, and `report` in every cell that asks for text."""
    notebook = nbformat.read(path, as_version=4)
    cell(notebook, "recipe").source = recipe
    for answered in notebook.cells:
        if answered.cell_type == "markdown" and answered.metadata.get("nbgrader", {}).get("solution"):
            answered.source = report
    nbformat.write(notebook, path)
