"""A notebook's kernel behind the wall, and its test cells: what a hostile notebook gets, which is nothing."""

import os
import socket
import threading

import pytest
from nbformat.v4 import new_code_cell, new_notebook
from nbgrader.utils import determine_grade

from autograder.nbgrader_plugins.trained_score import MAX_OUTPUT, SandboxedExecute
from autograder.store.secret import course_secret, secret_file
from autograder.workers.notebook_kernel import run_test
from course.errors import UsageError

POINTS = 4.0


def test_cell(source, name="a_test"):
    metadata = {
        "grade": True,
        "grade_id": name,
        "locked": True,
        "points": POINTS,
        "solution": False,
        "schema_version": 3,
    }
    return new_code_cell(source, metadata={"nbgrader": metadata})


test_cell.__test__ = False


def executed(*cells, folder=None, **settings):
    """The cells (text, or test cells) as autograde runs them."""
    notebook = new_notebook(cells=[new_code_cell(c) if isinstance(c, str) else c for c in cells])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    resources = {"metadata": {"path": str(folder)}} if folder else {}
    execute = SandboxedExecute(timeout=10, **settings)
    return execute(notebook, resources)[0].cells


def points(cell):
    return determine_grade(cell)[0]


def said(cell):
    return "".join(o.get("text", "") or "\n".join(o.get("traceback", [])) for o in cell.outputs)


# --- test cells, as the kernel runs them


@pytest.mark.parametrize(
    ("source", "value"),
    [("assert 1 == 1", None), ("", None), ("2.5", "2.5"), ("3", "3.0"), ("x = 1\nx + 1", "2.0"), ("None", None)],
)
def test_a_test_that_passes_gives_all_points_or_the_number_it_ends_in(source, value):
    assert run_test(source, {}) == {"status": "ok", "payload": [], "value": value}


@pytest.mark.parametrize(
    "source",
    [
        "float('nan')",
        "float('inf')",
        "-1",
        "True",
        "'7.5'",
        "[7.5]",
        "object()",
        "import torch\ntorch.ones(2)",
        "import sys\nsys.exit(0)",
        "raise KeyboardInterrupt",
        "assert False, 'no'",
        "this is not Python",
    ],
)
def test_what_is_no_number_of_points_is_an_error(source):
    reply = run_test(source, {})
    assert reply["status"] == "error" and reply["traceback"] and "value" not in reply


def test_numbers_of_numpy_and_torch_count_as_numbers():
    assert run_test("import numpy\nnumpy.float64(1.5)", {})["value"] == "1.5"
    assert run_test("import torch\ntorch.tensor(1.5)", {})["value"] == "1.5"


def test_an_object_that_lies_about_itself_fails_the_test_and_nothing_else():
    source = "class Liar:\n    def __float__(self): raise SystemExit\n    __str__ = __float__\nLiar()"
    assert run_test(source, {})["status"] == "error"


def test_names_that_hide_builtins_do_not_reach_a_test_and_its_own_names_stay():
    namespace = {"all": lambda _: True, "isinstance": lambda *_: True, "answer": [1, 0]}
    assert run_test("found = 1\nassert all(answer)", namespace)["status"] == "error"
    assert namespace["found"] == 1 and namespace["all"]([0])


# --- notebooks


@pytest.mark.slow
def test_a_notebook_cannot_make_points_by_what_it_does_to_ipython():
    strips = """
import ast
from IPython import get_ipython
from IPython.display import clear_output, display
shell = get_ipython()
class Strip(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.Pass()
shell.ast_transformers.append(Strip())
shell.input_transformers_post.append(lambda lines: [line.replace('assert', '#') for line in lines])
shell.set_custom_exc((Exception,), lambda *_: None)
shell.events.register('pre_run_cell', lambda info: setattr(info, 'raw_cell', ''))
def answer():
    shell.displayhook(4.0)
    display(4.0)
    print(4.0)
    clear_output()
    return 0
"""
    stripped, failed, passed = executed(
        strips, "assert False", test_cell("assert answer() == 1"), test_cell("assert answer() == 0", "other")
    )[1:]
    assert not stripped.outputs  # the attack works on an ordinary cell
    assert points(failed) == 0 and "Line 1: assert answer() == 1" in said(failed)
    assert points(passed) == POINTS


@pytest.mark.slow
def test_a_test_cell_is_worth_what_it_ends_in_and_a_warning_costs_nothing():
    warns = "import sys, warnings\nwarnings.warn('old')\nprint('noise', file=sys.stderr)\nassert True"
    cells = executed(
        test_cell(warns, "warns"), test_cell("2.5", "some"), test_cell("400", "more"), test_cell("float('nan')")
    )
    assert [points(cell) for cell in cells] == [POINTS, 2.5, POINTS, 0]
    assert "noise" in said(cells[0])
    assert "not a number of points" in said(cells[3])


@pytest.mark.slow
def test_a_tag_does_not_keep_a_test_from_being_run():
    tagged = test_cell("assert False")
    tagged.metadata.tags = ["skip-execution"]
    assert points(executed(tagged)[0]) == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import os; os._exit(0)", "died"),
        ("import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass", "did not end"),
        ("while True: print('x' * 100_000, flush=True)", f"more than {MAX_OUTPUT / 1e6:.0f} MB"),
    ],
    ids=["dies", "hangs", "floods"],
)
def test_a_kernel_that_is_lost_fails_the_tests_that_are_left_and_no_others(source, reason):
    before, lost, after, last = executed(
        test_cell("assert True"), source, test_cell("assert True", "after"), "print(1)"
    )
    assert points(before) == POINTS
    assert points(after) == 0 and reason in said(after)
    assert not last.outputs
    assert sum(len(str(cell)) for cell in (before, lost, after, last)) < 2 * MAX_OUTPUT


def test_outputs_that_students_saved_are_never_graded():
    saved = test_cell("assert False")
    with pytest.raises(UsageError, match="--no-execute"):
        executed(saved, enabled=False)


@pytest.mark.slow
def test_a_hostile_notebook_gets_no_network_no_file_of_others_and_no_test_before_it_is_run(tmp_path):
    """It tries the network, the gradebook, others' work, the file that holds its own hidden tests, and to leave one."""
    course = tmp_path / "course"
    mine, other = (course / "autograded" / name / "challenge" for name in ("mallory", "alice"))
    for folder in (mine, other):
        folder.mkdir(parents=True)
        (folder / "challenge.ipynb").write_text("hidden tests")
        (folder / "helper.py").write_text("answer = 42")
    (course / "gradebook.db").write_text("grades")
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
        cells = executed(tries, folder=mine)
        assert not reached.is_set()
        with socket.create_connection(server.getsockname()):  # the door that it did not find is open
            assert reached.wait(10)
    assert said(cells[0]).splitlines() == ["got [] 42 ['helper.py'] 2", "secrets []"]
    assert sorted(os.listdir(mine)) == ["challenge.ipynb", "helper.py", "link"]
