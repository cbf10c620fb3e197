"""Three weeks of a class at a run: hand-ins, late ones, extensions, regrades, killed graders.

    python -m tests.support.soak FOLDER --students 60 --days 21 --seed 1

Every day some students hand in, with times of that day. Then two graders work at once; one is killed again and again,
and started again. At the end of each day `autograder audit` must find no difference. At the end every student must have
a grade, or a reason why there is none, in `autograder status`. All choices come from the seed. Trainings are short.
"""

from __future__ import annotations

import argparse
import collections
import datetime as dt
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.support.classroom import CRASHES, LEARNS, STANDS_STILL, TOO_LARGE, WAVERS, Course, answer, environment

FIRST_DAY = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
DUE_AFTER = 14  # days
SETTINGS = """
c.TrainedScore.reduced = {"epochs": 2, "train_images": 640, "test_images": 500, "accuracy": 0.6, "near": 0.1}
c.LateSubmissionPlugin.penalty_method = "zero"
"""
KINDS = (LEARNS, LEARNS, LEARNS, WAVERS, WAVERS, STANDS_STILL, TOO_LARGE, CRASHES)
ZONES = ("UTC", "CET", "+0530", "Europe/Berlin")


class Soak:
    """A class whose days pass. `differences` collects what `audit` found, by day."""

    def __init__(self, folder: Path, students: int, seed: int):
        self.random = random.Random(seed)
        self.course = Course(folder, SETTINGS, store=str(folder / "results.db"))
        self.students = [f"student{number:02d}" for number in range(1, students + 1)]
        self.counts: collections.Counter[str] = collections.Counter()
        self.differences: list[str] = []
        self._prepare()

    def _prepare(self) -> None:
        rows = "".join(f"{name},{name.title()},Student,{name}@example.org,{name}\n" for name in self.students)
        (self.course.root / "students.csv").write_text("id,first_name,last_name,email,lms_user_id\n" + rows)
        self.course.nbgrader("db", "student", "import", str(self.course.root / "students.csv"))
        self.course.nbgrader("generate_assignment", "challenge")
        due = FIRST_DAY + dt.timedelta(days=DUE_AFTER)
        with self.course.gradebook() as gradebook:
            gradebook.update_or_create_assignment("challenge", duedate=due.replace(tzinfo=None).isoformat(" "))

    def day(self, number: int, chance: float, kills: int) -> None:
        """Hand-ins, two graders of which one is killed `kills` times, what a teacher does, and the audit."""
        for student in self.students:
            if self.random.random() < chance:
                self._hand_in(student, number)
        for _ in range(kills):
            self._grade_together(kill=True)
        if number % 3 == 0:
            self._grade_a_report_by_hand()
        if number % 4 == 0:
            self._grant_an_extension()
        if number % 5 == 0:
            self._regrade()
        if number % 7 == 6:
            self._drop_a_student()
        if number % 10 == 9:
            self._change_the_limit()
        if number % 10 == 4 and number > 10:
            self._take_the_last_regrade_back()
        self._grade_together(kill=False)
        self._audit(number)

    def _hand_in(self, student: str, day: int) -> None:
        folder = self.course.root / "submitted" / student / "challenge"
        self.counts["late" if day >= DUE_AFTER else "in time"] += 1
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        released = self.course.root / "release" / "challenge"
        shutil.copytree(released, folder, dirs_exist_ok=True)
        recipe = f"{self.random.choice(KINDS)}\n# {student}, day {day}\n"
        recipe = recipe.replace("lr=0.01", f"lr={self.random.uniform(0.005, 0.02):.5f}")
        answer(folder / "challenge.ipynb", recipe)
        moment = FIRST_DAY + dt.timedelta(days=day, minutes=self.random.randrange(24 * 60))
        zone = self.random.choice(ZONES)
        hours = {"UTC": 0.0, "CET": 1.0, "+0530": 5.5, "Europe/Berlin": 1.0}[zone]  # before the last Sunday of March
        local = moment + dt.timedelta(hours=hours)
        (folder / "timestamp.txt").write_text(f"{local:%Y-%m-%d %H:%M:%S} {zone}")

    def _grade_together(self, *, kill: bool) -> None:
        """Two graders at once. Each is told to go on until it has nothing left, or is killed."""
        graders = [self._grader(number) for number in range(2)]
        if kill:
            time.sleep(self.random.uniform(5, 60))
            victim = self.random.choice(graders)
            if victim.poll() is None:
                os.killpg(victim.pid, signal.SIGKILL)
                self.counts["killed"] += 1
        for grader in graders:
            code = grader.wait(1800)
            self.counts[f"grader ended with {code}"] += 1

    def _grader(self, number: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-W", "ignore", "-m", "autograder.cli.main", "autograde", str(self.course.root)]
        log = (self.course.root.parent / f"grader{number}.txt").open("ab")
        with log:
            return subprocess.Popen(
                command, cwd=self.course.root, env=environment(), stdout=log, stderr=log, start_new_session=True
            )

    def _some_graded_student(self) -> str | None:
        """One of those whom nbgrader has graded."""
        graded = sorted(path.parent.name for path in (self.course.root / "autograded").glob("*/challenge"))
        graded = [student for student in graded if student in self.students]
        return self.random.choice(graded) if graded else None

    def _grade_a_report_by_hand(self) -> None:
        if (student := self._some_graded_student()) is None:
            return
        with self.course.gradebook() as gradebook:
            notebook = gradebook.find_submission_notebook("challenge", "challenge", student)
            for grade in notebook.grades:
                if grade.needs_manual_grade:
                    grade.manual_score, grade.needs_manual_grade = 2.5, False
            gradebook.db.commit()
        self.counts["hand grade"] += 1

    def _grant_an_extension(self) -> None:
        if student := self._some_graded_student():
            with self.course.gradebook() as gradebook:
                gradebook.grant_extension("challenge", student, days=2)
            self.counts["extension"] += 1

    def _regrade(self) -> None:
        """A grade made again from scratch by nbgrader, as a teacher does after a complaint."""
        if student := self._some_graded_student():
            self.course.nbgrader("autograde", "challenge", "--student", student, "--force")
            self.counts["regrade"] += 1

    def _change_the_limit(self) -> None:
        """The limit is lowered, and the new verdicts count."""
        limits = {"accuracy": 0.6}, {"accuracy": 0.55}
        path = self.course.root / "nbgrader_config.py"
        with path.open("a") as file:
            file.write(f"c.TrainedScore.reduced |= {limits[self.counts['limit changed'] % 2 == 0]}\n")
        done = self._autograder("regrade", str(self.course.root), "--apply", "--reason", "another limit")
        assert done.returncode in (0, 1), done.stdout + done.stderr
        self.counts["limit changed"] += 1

    def _take_the_last_regrade_back(self) -> None:
        number = str(self.counts["limit changed"])
        done = self._autograder("regrade", str(self.course.root), "--undo", number, "--reason", "a mistake")
        assert done.returncode in (0, 1, 2), done.stdout + done.stderr  # 2: nobody's grade had changed
        self.counts[f"regrade undone: {done.returncode}"] += 1

    def _drop_a_student(self) -> None:
        student = self.students.pop(self.random.randrange(len(self.students)))
        assert self._autograder("students", "drop", student, "--reason", "left the class").returncode == 0
        self.counts["dropped"] += 1

    def _audit(self, day: int) -> None:
        done = self._autograder("audit", str(self.course.root), "--chain")
        self.counts["audit"] += 1
        if done.returncode:
            self.differences.append(f"day {day}: {done.stdout}{done.stderr}")
        print(f"day {day}: audit {done.returncode}; {dict(self.counts)}", flush=True)

    def _autograder(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-W", "ignore", "-m", "autograder.cli.main", *arguments]
        return subprocess.run(
            command, cwd=self.course.root, env=environment(), capture_output=True, text=True, check=False
        )

    def states(self) -> dict[str, int]:
        """How many students are in which state of `autograder status`."""
        counts: dict[str, int] = self.course.autograder("status")["assignments"]["challenge"]["counts"]
        return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--students", type=int, default=60)
    parser.add_argument("--days", type=int, default=21)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--chance", type=float, default=0.12, help="that a student hands in on a day")
    parser.add_argument("--kills", type=int, default=1, help="graders killed a day")
    arguments = parser.parse_args()
    soak = Soak(arguments.folder, arguments.students, arguments.seed)
    for day in range(arguments.days):
        soak.day(day, arguments.chance, arguments.kills)
    print(json.dumps({"counts": soak.counts, "states": soak.states(), "differences": soak.differences}, indent=1))
    sys.exit(bool(soak.differences))


if __name__ == "__main__":
    main()
