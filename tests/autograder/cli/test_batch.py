"""`autograder batch` and `autograder regrade`: a class of six."""

import json
import signal
import subprocess
from functools import partial

import pytest
from click.testing import CliRunner

from autograder.batch import grading_worker
from autograder.cli.main import main
from autograder.store import open_store
from tests.support.batches import assert_each_exactly_once, batch_command, count_rows
from tests.support.variants import submit, variant

pytestmark = pytest.mark.usefixtures("kept_servers")


def run_batch_of(course, path) -> dict:
    """What `autograder batch` prints, run in this process."""
    done = CliRunner().invoke(main, batch_command(course, path)[3:])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def graded(tmp_path_factory, servers):
    """A class of six: four honest recipes, one of them handed in twice, and one that does not run."""
    course = submit(tmp_path_factory.mktemp("course"), 6)
    path = str(course / "results.db")
    (course / "submitted" / "student004" / "challenge" / "challenge.py").write_text(variant(0))
    (course / "submitted" / "student005" / "challenge" / "challenge.py").write_text("x = 1 / 0")
    with servers.in_use():
        return course, path, run_batch_of(course, path)


@pytest.mark.training
def test_every_submission_has_its_verdict_with_reasons(graded):
    _, path, report = graded
    assert report["verdicts"] == {"fail": 5, "error": 1}
    last = report["submissions"][5]
    assert (last["student"], last["verdict"]) == ("student005", "error")
    assert "ZeroDivisionError" in last["reasons"][0]
    assert all(0 < submission["best"] < submission["total"] == 500 for submission in report["submissions"][:5])
    with open_store(path) as store:
        assert [g.result.verdict for g in store.results.counting_attempts("challenge")] == ["fail"] * 5 + ["error"]


@pytest.mark.training
def test_a_recipe_that_two_students_hand_in_is_trained_once(graded):
    _, path, _ = graded
    with open_store(path) as store:
        assert_each_exactly_once(store, students=6, specs=4)
        assert [shared.students for shared in store.results.shared_recipes()] == [("student000", "student004")]


@pytest.mark.training
def test_the_same_batch_again_trains_nothing_and_reports_the_same(graded):
    course, path, report = graded
    with open_store(path) as store:
        records = store.chain_end()
        second_report = run_batch_of(course, path)
        assert store.chain_end() == records
    for submission in (*report["submissions"], *second_report["submissions"]):
        del submission["seconds"]
    assert second_report["submissions"] == report["submissions"]


@pytest.mark.training
def test_regrading_trains_the_selected_submissions_again_and_keeps_the_reason(graded):
    course, path, report = graded
    command = ["regrade", str(course), "--store", path, "--reduced", "1/600/500", "--seeds", "1", "--device", "cpu"]
    command += ["--again", "--apply"]
    done = CliRunner().invoke(main, [*command, "--student", "student001", "--reason", "the fan had stopped", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["submissions"][0]["best"] == report["submissions"][1]["best"]
    with open_store(path) as store:
        reasons = {g.student: g.reason for g in store.results.graded_attempts()}
        assert reasons.pop("student001") == "the fan had stopped" and set(reasons.values()) == {""}
        assert count_rows(store, "runs WHERE again = 1 AND reason = 'the fan had stopped'") == 1
        assert list(store.verify()) == []


@pytest.mark.parametrize(
    ("options", "fragment"),
    [
        (["--reason", "x"], "Say whom to regrade"),
        (["--reason", "x", "--student", "nobody"], "no submission of nobody"),
        (["--reason", "x", "--verdict", "pass"], "has the verdict pass"),
        (["--student", "student001"], "Missing option '--reason'"),
        (["--reason", "x", "--everybody", "--reduced", "1/2"], "EPOCHS/TRAIN/TEST"),
        (["--reason", "x", "--everybody", "--jobs", "0"], "0 is not in the range"),
    ],
)
@pytest.mark.training
def test_regrading_without_saying_whom_or_why_is_wrong_use(graded, options, fragment):
    course, path, _ = graded
    done = CliRunner().invoke(main, ["regrade", str(course), "--store", path, "--again", "--apply", *options])
    assert done.exit_code == 2 and fragment in done.stderr


@pytest.mark.training
def test_a_submission_that_meets_a_bug_stops_nobody_and_is_reported(tmp_path, monkeypatch):
    def broken(path, *arguments, **more):
        if "student001" in str(path):
            raise RuntimeError("a bug")
        return real(path, *arguments, **more)

    real = grading_worker.grade
    monkeypatch.setattr(grading_worker, "grade", broken)
    course = submit(tmp_path, 2)
    done = CliRunner().invoke(main, batch_command(course, str(tmp_path / "r.db"))[3:])
    by_student = {submission["student"]: submission for submission in json.loads(done.stdout)["submissions"]}
    assert done.exit_code == 3
    assert by_student["student000"]["verdict"] == "fail"
    assert (
        by_student["student001"]["verdict"] == "internal"
        and "RuntimeError: a bug" in by_student["student001"]["reasons"][0]
    )
    with open_store(str(tmp_path / "r.db")) as store:
        assert store.results.latest("student001", "challenge") is None


@pytest.mark.training
def test_a_batch_that_is_interrupted_says_so_and_resumes_later(tmp_path):
    course, path = submit(tmp_path, 4), str(tmp_path / "r.db")
    command = [word for word in batch_command(course, path, "--jobs", "1") if word != "--json"]
    # a shell's background jobs are started with SIGINT ignored, and pass that on to children
    heed_sigint = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=heed_sigint)
    assert b"[1/4]" in running.stderr.readline()
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=120)
    assert running.returncode == 130, errors.decode()
    assert b"the same command resumes" in errors and b"Traceback" not in errors
    assert run_batch_of(course, path)["verdicts"] == {"fail": 4}
    with open_store(path) as store:
        assert_each_exactly_once(store, 4)


@pytest.mark.training
def test_the_summary_names_the_store_and_shared_recipes(graded):
    course, path, _ = graded
    command = [word for word in batch_command(course, path) if word != "--json"][3:]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    assert "6 submissions in 0:0" in done.stdout and "5 fail, 1 error." in done.stdout
    assert "student000, student004" in done.stdout and path in done.stdout


@pytest.mark.parametrize("old, new", [("--cut", "--reduced"), ("--most-minutes", "--max-minutes")])
@pytest.mark.parametrize("command", ["batch", "regrade"])
def test_the_old_name_of_an_option_is_answered_with_the_new_one(command, old, new, tmp_path):
    done = CliRunner().invoke(main, [command, str(tmp_path), old, "1"])
    assert done.exit_code == 2
    assert done.stderr == f"Error: The option {old} is now called {new}.\n"
