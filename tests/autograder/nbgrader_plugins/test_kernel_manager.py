"""What a notebook's kernel can reach from inside the sandbox."""

import os
import socket
import threading

import pytest

from autograder.nbgrader_plugins import kernel_manager
from autograder.store import open_store
from autograder.store.secret import SECRET_VARIABLE, course_secret, secret_file
from course.files import write_atomically
from tests.support.notebooks import run_notebook, text_of
from tests.support.own_rules import write_rules
from tests.support.stores import hand_in
from tests.support.striped_digits import striped_digits, write_data_set


@pytest.mark.slow
def test_a_hostile_notebook_gets_no_network_no_file_of_others_and_no_test_before_it_is_run(
    tmp_path, tmp_path_factory, monkeypatch
):
    """It tries the network, the gradebook, others' work, the file with its hidden tests, and to leave a file behind."""
    course = tmp_path / "course"
    mine, other = (course / "autograded" / name / "challenge" for name in ("mallory", "alice"))
    for folder in (mine, other):
        folder.mkdir(parents=True)
        (folder / "challenge.ipynb").write_text("hidden tests")
        (folder / "helper.py").write_text("answer = 42")
    (course / "gradebook.db").write_text("grades")
    monkeypatch.delenv(SECRET_VARIABLE, raising=False)  # so that the secret is in a file
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))  # which no later test finds
    assert course_secret() and secret_file().exists()
    (mine / "link").symlink_to(course / "gradebook.db")
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        reached = threading.Event()
        threading.Thread(target=lambda: (server.accept()[0].close(), reached.set()), daemon=True).start()
        places = (course, course / "gradebook.db", mine, other, tmp_path, "/etc/passwd", secret_file())
        forbidden = [str(place) for place in places]
        tries = f"""
import glob, os, pathlib, socket, subprocess
import helper
got = []
def attempt(name, what):
    try:
        got.append((name, what()))
    except OSError:
        pass
attempt("network", lambda: socket.create_connection(("127.0.0.1", {server.getsockname()[1]}), 3))
attempt("internet", lambda: socket.create_connection(("1.1.1.1", 53), 3))
for path in {forbidden!r}:
    attempt(path, lambda: os.listdir(path) if os.path.isdir(path) else open(path).read())
for path in glob.glob("/tmp/**/*.ipynb", recursive=True):
    attempt(path, lambda: open(path).read())
attempt("link", lambda: open("link").read())
for place in ("/tmp", "/usr", "/dev/shm", *glob.glob("/tmp/under8k-*")):
    attempt(place, lambda: open(place + "/left_by_a_notebook", "w"))
attempt("program", lambda: subprocess.run(["ls"]))
attempt("process", os.fork)
print("got", got, helper.answer, sorted(os.listdir(".")), len([p for p in os.listdir("/proc") if p.isdigit()]))
print("secrets", [name for name in os.environ if "UNDER8K" in name or "JPY" in name])
"""
        cells = run_notebook(tries, folder=mine)
        assert not reached.is_set()
        with socket.create_connection(server.getsockname()):  # the server that it did not reach does answer
            assert reached.wait(10)
    assert text_of(cells[0]).splitlines() == [
        "got [] 42 ['helper.py'] 2",
        "secrets ['UNDER8K_COURSE']",  # the folder of the rules that count
    ]
    assert sorted(os.listdir(mine)) == ["challenge.ipynb", "helper.py", "link"]


@pytest.mark.slow
def test_of_a_course_with_its_own_rules_a_notebook_sees_them_and_no_secret_no_result_and_no_solution(own_course):
    with open_store() as store:
        hand_in(store, "ada")
    for name in ("source/challenge/challenge.ipynb", "gradebook.db", ".under8k/runs/1.json"):
        write_atomically(own_course / name, "private")
    private = [path for path in own_course.rglob("*") if path.name != "rules.toml"]
    assert {own_course / ".under8k" / "secret", own_course / "results.db"} <= set(private)
    mine = own_course / "autograded" / "mallory" / "challenge"
    write_atomically(mine / "rules.toml", "[challenge]")  # of the student's own
    write_atomically(mine / "nbgrader_config.py", "")
    tries = f"""
import os
from course.rules import rules_file
seen = [path for path in {[str(path) for path in private if path.is_file()]!r} if os.path.exists(path)]
print(seen, os.listdir({str(own_course)!r}), rules_file())
"""
    cells = run_notebook(tries, folder=mine)
    assert text_of(cells[0]) == f"[] ['rules.toml'] {own_course / 'rules.toml'}\n"


@pytest.mark.slow
def test_a_notebook_has_the_data_of_its_assignment_and_not_what_was_handed_in_for_it(own_course):
    write_rules(own_course, stripes={"data": "./stripes", "train_images": 100}, large={})
    write_data_set(own_course / "stripes", striped_digits(train=120, test=50))
    write_atomically(own_course / "stripes" / "notes.txt", "private")
    mine = own_course / "autograded" / "mallory" / "stripes"
    write_data_set(mine / "stripes", striped_digits(train=300, test=40))
    write_atomically(mine / "helper.py", "")
    tries = """
import os
from course import steps_per_epoch
from course.data import data_at_hand, load
from course.rules import rules_file
digits = load()
print(len(digits.train.labels), len(digits.test.labels), steps_per_epoch(10), os.listdir("."))
print(sorted(os.listdir(rules_file().parent / "stripes")))
"""
    cells = run_notebook(tries, folder=mine, assignment="stripes")
    said, seen = text_of(cells[0]).splitlines()
    assert said == "100 50 10 ['helper.py']"
    assert "notes.txt" not in seen and "SHA256SUMS" in seen
    assert text_of(
        run_notebook("from course.data import load; print(len(load().train.labels))", assignment="large")[0]
    ) == ("60000\n")


def test_a_kernel_gets_the_files_beside_its_notebook_but_no_notebook_and_no_link(tmp_path):
    source = tmp_path / "submitted"
    (source / "data").mkdir(parents=True)
    (source / "data" / "table.csv").write_text("1,2")
    (source / "challenge.ipynb").write_text("hidden tests")
    (source / "link").symlink_to(tmp_path)
    kernel_manager._copy_files(source, tmp_path / "files")
    copied = {path.relative_to(tmp_path / "files").as_posix() for path in (tmp_path / "files").rglob("*")}
    assert copied == {"data", "data/table.csv"}


def test_files_beyond_the_limit_are_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(kernel_manager, "MAX_FILES", 3)
    source = tmp_path / "submitted"
    source.mkdir()
    for name, content in {"a": "12", "b": "34", "c": "5"}.items():
        (source / name).write_text(content)
    kernel_manager._copy_files(source, tmp_path / "files")
    assert [path.name for path in (tmp_path / "files").iterdir()] == ["a"]
