"""A class of submissions: each gets exactly one result, whatever ends on the way."""

import json
import random
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner
from sqlalchemy import event, text

from autograder.batch import Outcome, register_submissions, run_batch
from autograder.batch.submissions import SubmissionFile, find_submissions
from autograder.batch.work_queue import WorkQueue
from autograder.cli.main import main
from autograder.cli.progress import BatchProgress, outcome_line
from autograder.console import format_duration
from autograder.grading.options import Options, ReducedRun
from autograder.store import StoreError, open_store
from course.errors import UsageError
from tests.support.variants import submit, variant

REDUCED = Options(reduced=ReducedRun(1, 600, 500), seeds=1, device="cpu")


def submissions_in(course):
    return find_submissions([course], None, "challenge").submissions


def batch(course, store, *more: str) -> list[str]:
    return [
        *(sys.executable, "-m", "autograder.cli.main", "batch", str(course), "--store", store, "--json"),
        *("--reduced", "1/600/500", "--seeds", "1", "--device", "cpu", *more),
    ]


def told(command: list[str]) -> dict:
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def count(store, what: str) -> int:
    with store._database.engine.connect() as connection:
        return connection.execute(text(f"SELECT count(*) FROM {what}")).scalar_one()


def assert_each_exactly_once(store, students: int, specs: int | None = None) -> None:
    """One attempt and one verdict for each student, one finished run for each recipe, and the chain is whole."""
    specs = students if specs is None else specs
    assert (count(store, "attempts"), count(store, "verdicts")) == (students, students)
    assert count(store, "runs") == count(store, "runs WHERE finished IS NOT NULL") == specs
    assert count(store, "epochs") == specs
    assert count(store, "checkpoints") == 0
    assert list(store.verify()) == []


class Quiet(BatchProgress):
    def __init__(self, total):
        super().__init__(total, quiet=True)


# --- what there is to grade


def test_nbgraders_folders_are_found_from_any_of_their_levels(tmp_path):
    submit(tmp_path, 2)
    other = tmp_path / "submitted" / "student000" / "lesson1_baseline"
    other.mkdir()
    (other / "extra.ipynb").write_text("{}")
    (other / "lesson1_baseline.ipynb").write_text("{}")
    for level in (tmp_path, tmp_path / "submitted"):
        found = [
            (w.student, w.assignment, w.path.name) for w in find_submissions([level], None, "challenge").submissions
        ]
        assert found == [
            ("student000", "challenge", "challenge.py"),
            ("student001", "challenge", "challenge.py"),
            ("student000", "lesson1_baseline", "lesson1_baseline.ipynb"),
        ]
    assert len(find_submissions([tmp_path / "submitted" / "student000"], "challenge", "challenge").submissions) == 1


def test_of_plain_files_each_is_called_after_its_student(tmp_path):
    for name in ("ada.py", "bob.ipynb", "notes.txt"):
        (tmp_path / name).write_text("x")
    submissions = find_submissions([tmp_path, tmp_path / "ada.py"], "lesson3_dropout", "challenge").submissions
    assert [(w.student, w.assignment) for w in submissions] == [("ada", "lesson3_dropout"), ("bob", "lesson3_dropout")]


def test_an_assignment_without_rules_is_left_out_and_named(tmp_path):
    submit(tmp_path, 1)
    submit(tmp_path / "submitted" / ".." / ".", 0)
    (tmp_path / "submitted" / "student000" / "essay").mkdir()
    (tmp_path / "submitted" / "student000" / "essay" / "essay.py").write_text("x")
    found = find_submissions([tmp_path], None, "challenge")
    assert len(found.submissions) == 1 and "no rules for the assignment 'essay'" in found.notes[0]


@pytest.mark.parametrize("folder", [".", "nowhere"])
def test_nothing_to_grade_is_wrong_use(tmp_path, folder):
    with pytest.raises(UsageError, match="There is no"):
        find_submissions([tmp_path / folder], None, "challenge")


# --- a class


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """A class of six: four honest recipes, one of them handed in twice, and one that does not run."""
    course = submit(tmp_path_factory.mktemp("course"), 6)
    path = str(course / "results.db")
    (course / "submitted" / "student004" / "challenge" / "challenge.py").write_text(variant(0))
    (course / "submitted" / "student005" / "challenge" / "challenge.py").write_text("x = 1 / 0")
    return course, path, told(batch(course, path))


def test_every_submission_has_its_verdict_with_reasons(graded):
    _, path, said = graded
    assert said["verdicts"] == {"fail": 5, "error": 1}
    last = said["submissions"][5]
    assert (last["student"], last["verdict"]) == ("student005", "error")
    assert "ZeroDivisionError" in last["reasons"][0]
    assert all(0 < one["best"] < one["total"] == 500 for one in said["submissions"][:5])
    with open_store(path) as store:
        assert [g.result.verdict for g in store.results.counting_attempts("challenge")] == ["fail"] * 5 + ["error"]


def test_a_recipe_that_two_hand_in_trains_once_and_is_shown(graded):
    _, path, _ = graded
    with open_store(path) as store:
        assert_each_exactly_once(store, students=6, specs=4)
        assert [shared.students for shared in store.results.shared_recipes()] == [("student000", "student004")]


def test_the_same_batch_again_trains_nothing_and_says_the_same(graded):
    course, path, said = graded
    with open_store(path) as store:
        records = store.chain_end()
        again = told(batch(course, path))
        assert store.chain_end() == records
    for one in (*said["submissions"], *again["submissions"]):
        del one["seconds"]
    assert again["submissions"] == said["submissions"]


def test_regrading_trains_the_chosen_ones_again_and_keeps_why(graded, monkeypatch):
    course, path, said = graded
    command = ["regrade", str(course), "--store", path, "--reduced", "1/600/500", "--seeds", "1", "--device", "cpu"]
    done = CliRunner().invoke(main, [*command, "--student", "student001", "--reason", "the fan had stopped", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["submissions"][0]["best"] == said["submissions"][1]["best"]
    with open_store(path) as store:
        reasons = {g.student: g.reason for g in store.results.graded_attempts()}
        assert reasons.pop("student001") == "the fan had stopped" and set(reasons.values()) == {""}
        assert count(store, "runs WHERE again = 1 AND reason = 'the fan had stopped'") == 1
        assert list(store.verify()) == []


@pytest.mark.parametrize(
    ("options", "fragment"),
    [
        (["--reason", "x"], "Say which"),
        (["--reason", "x", "--student", "nobody"], "no submission of nobody"),
        (["--reason", "x", "--verdict", "pass"], "has the verdict pass"),
        (["--student", "student001"], "Missing option '--reason'"),
        (["--reason", "x", "--everybody", "--reduced", "1/2"], "EPOCHS/TRAIN/TEST"),
        (["--reason", "x", "--everybody", "--jobs", "0"], "0 is not in the range"),
    ],
)
def test_regrading_without_saying_which_or_why_is_wrong_use(graded, options, fragment):
    course, path, _ = graded
    done = CliRunner().invoke(main, ["regrade", str(course), "--store", path, *options])
    assert done.exit_code == 2 and fragment in done.stderr


def test_one_that_cannot_be_graded_by_our_fault_stops_nobody_and_is_told(tmp_path, monkeypatch):
    from autograder.batch import grading_worker as module

    def broken(path, *arguments, **more):
        if "student001" in str(path):
            raise RuntimeError("a bug")
        return real(path, *arguments, **more)

    real = module.grade
    monkeypatch.setattr(module, "grade", broken)
    course = submit(tmp_path, 2)
    done = CliRunner().invoke(main, batch(course, str(tmp_path / "r.db"))[3:])
    said = {one["student"]: one for one in json.loads(done.stdout)["submissions"]}
    assert done.exit_code == 3
    assert said["student000"]["verdict"] == "fail"
    assert said["student001"]["verdict"] == "internal" and "RuntimeError: a bug" in said["student001"]["reasons"][0]
    with open_store(str(tmp_path / "r.db")) as store:
        assert store.results.latest("student001", "challenge") is None


def test_what_another_process_trains_is_put_off_and_nothing_else_waits(tmp_path):
    class Claims:
        busy = True

        def is_busy(self, run_id):
            return self.busy

    store = type("Store", (), {"claims": Claims()})
    first, second = (SubmissionFile(tmp_path / name, name, "challenge") for name in ("a.py", "b.py"))
    queue = WorkQueue([first, second], store)
    assert queue.next() == first
    queue.defer(first, 1)
    assert queue.next() == second
    assert queue.next(wait=False) is None
    store.claims.busy = False
    assert (queue.next(), queue.next()) == (first, None)


# --- nothing lost


@pytest.mark.slow
def test_two_batches_at_once_on_one_store_train_nothing_twice(tmp_path, store_url):
    course = submit(tmp_path, 8)
    both = [subprocess.Popen(batch(course, store_url, "--jobs", "1"), stdout=subprocess.PIPE) for _ in range(2)]
    said = [json.loads(one.communicate(timeout=600)[0]) for one in both]
    assert [one["verdicts"] for one in said] == [{"fail": 8}] * 2
    with open_store(store_url) as store:
        assert_each_exactly_once(store, 8)
        assert count(store, "runs WHERE claims > 1") == 0


def tree_of(process: subprocess.Popen) -> list[psutil.Process]:
    try:
        root = psutil.Process(process.pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


@pytest.mark.slow
def test_kill_9_of_any_process_at_any_time_loses_nothing_and_doubles_nothing(tmp_path):
    course, path, draw = submit(tmp_path, 8), str(tmp_path / "r.db"), random.Random(9)
    kills, done = 0, None
    while done is None or done.returncode != 0:
        done = subprocess.Popen(batch(course, path, "--jobs", "2"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while kills < 6 and done.poll() is None:
            time.sleep(draw.uniform(0, 6))
            if victims := tree_of(done):
                draw.choice(victims if kills % 2 else victims[:1]).send_signal(signal.SIGKILL)
                kills += 1
        out, _ = done.communicate(timeout=600)
    assert kills == 6
    assert json.loads(out)["verdicts"] == {"fail": 8}
    with open_store(path) as store:
        assert_each_exactly_once(store, 8)


def test_a_disk_that_is_full_stops_the_batch_with_a_sentence_and_loses_nothing(tmp_path):
    submissions, path = submissions_in(submit(tmp_path, 4)), str(tmp_path / "r.db")
    with open_store(path, retry_seconds=0.5) as store:

        @event.listens_for(store._database.engine, "begin")
        def fill(connection):  # SQLite itself says that there is no room for another page
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            if count_of_verdicts(connection) == 1:
                connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

        with pytest.raises(StoreError, match=r"full.*Make room on its disk"):
            run_batch(submissions, REDUCED, store, Quiet(4), jobs=1)
    with open_store(path) as store:
        assert 1 <= len(store.results.graded_attempts()) < 4
        assert list(store.verify()) == []
        assert run_batch(submissions, REDUCED, store, Quiet(4), jobs=1).verdicts == {"fail": 4}
        assert_each_exactly_once(store, 4)


def count_of_verdicts(connection) -> int:
    return connection.exec_driver_sql("SELECT count(*) FROM verdicts").scalar_one()


class OnFirstResult(Quiet):
    """Does something when the first submission is finished."""

    def __init__(self, total, action):
        super().__init__(total)
        self._action = action

    def finished(self, worker, outcome):
        super().finished(worker, outcome)
        action, self._action = self._action, lambda: None
        action()


def test_a_database_that_goes_away_and_comes_back_costs_nothing(tmp_path, postgresql_server):
    submissions, url = submissions_in(submit(tmp_path, 4)), postgresql_server.create_database()

    def restart():
        postgresql_server.stop()
        threading.Timer(3, postgresql_server.start).start()

    with open_store(url) as store:
        assert run_batch(submissions, REDUCED, store, OnFirstResult(4, restart), jobs=2).verdicts == {"fail": 4}
        assert_each_exactly_once(store, 4)


def test_a_database_that_stays_away_stops_the_batch_and_another_day_it_goes_on(tmp_path, postgresql_server):
    submissions, url = submissions_in(submit(tmp_path, 4)), postgresql_server.create_database()
    try:
        with open_store(url, retry_seconds=0.5) as store, pytest.raises(StoreError, match="cannot be used"):
            run_batch(submissions, REDUCED, store, OnFirstResult(4, postgresql_server.stop), jobs=2)
    finally:
        postgresql_server.start()
    with open_store(url) as store:
        assert run_batch(submissions, REDUCED, store, Quiet(4), jobs=2).verdicts == {"fail": 4}
        assert_each_exactly_once(store, 4)


def test_a_batch_that_is_interrupted_says_so_and_goes_on_later(tmp_path):
    course, path = submit(tmp_path, 4), str(tmp_path / "r.db")
    command = [word for word in batch(course, path, "--jobs", "1") if word != "--json"]
    # a shell's background jobs are started with SIGINT ignored, and hand that on
    heeds = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=heeds)
    assert b"[1/4]" in running.stderr.readline()
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=120)
    assert running.returncode == 130, said.decode()
    assert b"the same command goes on" in said and b"Traceback" not in said
    assert told(batch(course, path))["verdicts"] == {"fail": 4}
    with open_store(path) as store:
        assert_each_exactly_once(store, 4)


# --- what is shown


def test_the_table_shows_progress_rate_and_time_left(tmp_path):
    from rich.console import Console

    progress = BatchProgress(3, quiet=True)
    for worker in range(2):
        progress.began(worker, SubmissionFile(tmp_path, f"student{worker}", "challenge"))
    progress.listener(1).stage("inspecting the network")
    console = Console(record=True, width=120, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(progress)
    outcome = Outcome("student0", "challenge", "x.py", "fail", ("Because.",), counted=162, best=450, total=500, runs=1)
    progress.finished(0, outcome)
    console.print(progress)
    console.file.close()
    shown = console.export_text()
    assert "no rate yet" in shown and "inspecting the network" in shown
    assert "1 of 3 graded (1 fail)" in shown and "a minute" in shown and "left" in shown


def test_a_students_text_cannot_write_to_the_terminal(tmp_path):
    hostile = Outcome("\x1b[31mada", "challenge", "x.py", "error", ("[red]Oh\x1b]0;no\x07",))
    assert "\x1b" not in outcome_line(hostile).plain and "[red]Oh" in outcome_line(hostile).plain


def test_a_span_reads_like_a_clock():
    assert [format_duration(s) for s in (0, 59.6, 3723)] == ["0:00", "1:00", "1:02:03"]


# --- who waits


def test_a_class_is_in_the_store_before_the_first_of_it_is_graded(store, tmp_path):
    submissions = []
    for student in ("ada", "bob"):
        path = tmp_path / f"{student}.py"
        path.write_text(f"recipe = {student!r}")
        submissions.append(SubmissionFile(path, student, "challenge"))
    submissions.append(SubmissionFile(Path(tmp_path, "missing.py"), "eve", "challenge"))
    register_submissions(submissions, store)
    register_submissions(submissions, store)
    assert [(s.student, s.verdict) for s in store.overview.since()[1]] == [("ada", ""), ("bob", "")]


def test_one_students_file_or_date_does_not_stop_the_class(store, tmp_path):
    course = tmp_path / "submitted"
    for student, name in (("ada", "ada.py"), ("bob", b"r\xff.py".decode(errors="surrogateescape")), ("cyd", "cyd.py")):
        folder = course / student / "challenge"
        folder.mkdir(parents=True)
        (folder / name).write_text("recipe = 1")
    (course / "cyd" / "challenge" / "timestamp.txt").write_text("0001-01-01 00:00:00+14:00")
    submissions = [SubmissionFile(path, path.parts[-3], "challenge") for path in sorted(course.glob("*/*/*.py"))]
    register_submissions(submissions, store)
    assert sorted(s.student for s in store.overview.since()[1]) == ["ada", "bob", "cyd"]
