"""A course made by `autograder init`, driven as an instructor would: by commands, in its folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook

from autograder.gradebook.settings import CONFIG
from course.data import data_folder
from tests.support.classroom import ROOT, answer

QUICK = """
c.TrainedScore.seeds = 1
c.TrainedScore.reduced = {"epochs": 2, "train_images": 2000, "test_images": 1000, "near": 0.0}
"""


@dataclass(frozen=True)
class Installation:
    """A Python with the project; `paths` are where it is imported from, nothing where it is installed as a wheel."""

    home: Path
    python: Path = Path(sys.executable)
    paths: tuple[Path, ...] = (ROOT,)

    def environment(self) -> dict[str, str]:
        """As a person has it, with nothing of this project set but where MNIST is."""
        env = {name: value for name, value in os.environ.items() if not name.startswith(("UNDER8K_", "PYTHON"))}
        programs = [str(self.python.parent), str(Path(sys.executable).parent), env.get("PATH", "")]
        env |= {"PATH": os.pathsep.join(programs), "HOME": str(self.home), "MNIST_ROOT": str(data_folder())}
        env |= {"JUPYTER_PATH": str(Path(sys.prefix, "share", "jupyter"))}  # nbconvert's templates
        env |= {f"XDG_{kind}_HOME": str(self.home / kind.lower()) for kind in ("CONFIG", "CACHE", "DATA", "STATE")}
        return env | {"PYTHONPATH": os.pathsep.join(map(str, self.paths)), "OMP_NUM_THREADS": "1"}

    def run(self, *arguments: str, cwd: Path, code: int = 0) -> str:
        """What the module prints that `arguments` names, and its arguments."""
        command = [str(self.python), "-W", "ignore", "-m", *arguments]
        done = subprocess.run(
            command, cwd=cwd, env=self.environment(), capture_output=True, text=True, timeout=600, check=False
        )
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
        return done.stdout + (done.stderr if code else "")


@dataclass(frozen=True)
class OwnCourse:
    """In the folder `root`, with reduced trainings of one seed."""

    root: Path
    installation: Installation

    def init(self) -> str:
        """Make it. Returns what was said."""
        said = self.installation.run("autograder.cli.main", "init", str(self.root), cwd=self.root.parent)
        with (self.root / CONFIG).open("a") as config:
            config.write(QUICK)
        return said

    def set_limit(self, name: str, value: object) -> None:
        """Of the challenge, in the course's rules.toml."""
        path = self.root / "rules.toml"
        before, table, after = path.read_text().partition("[challenge]")
        lines = [f"{name} = {value}" if line.startswith(f"{name} =") else line for line in after.split("\n")]
        path.write_text(before + table + "\n".join(lines))

    def hand_in(self, student: str, recipe: str) -> Path:
        """A challenge with this recipe, as `nbgrader collect` would put it there."""
        folder = self.root / "submitted" / student / "challenge"
        shutil.copytree(self.root / "release" / "challenge", folder)
        answer(folder / "challenge.ipynb", recipe)
        (folder / "timestamp.txt").write_text("2027-03-01 12:00:00 UTC")
        with self.gradebook() as gradebook:
            gradebook.update_or_create_student(student)
        return folder / "challenge.ipynb"

    def nbgrader(self, *arguments: str, code: int = 0) -> str:
        return self.installation.run("nbgrader", *arguments, cwd=self.root, code=code)

    def autograder(self, *arguments: str, code: int = 0) -> str:
        return self.installation.run("autograder.cli.main", *arguments, cwd=self.root, code=code)

    def status(self) -> Any:
        return json.loads(self.autograder("status", "--json"))

    def gradebook(self) -> Gradebook:
        return Gradebook(f"sqlite:///{self.root / 'gradebook.db'}")

    def score(self, student: str) -> float | None:
        """Of the trained cell of the challenge."""
        with self.gradebook() as gradebook:
            score: float | None = gradebook.find_grade("trained_score", "challenge", "challenge", student).auto_score
            return score

    def moved_to(self, root: Path, home: Path) -> OwnCourse:
        """A copy of the folder, for a user with another home."""
        shutil.copytree(self.root, root)
        return OwnCourse(root, replace(self.installation, home=home))
