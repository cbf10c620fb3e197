"""Test cells of a notebook that runs in the sandbox: a hostile notebook gains no points."""

import pytest
from nbclient.exceptions import DeadKernelError

from autograder.nbgrader_plugins.execute import MAX_OUTPUT, _describe_loss
from course.errors import UsageError
from tests.support.notebooks import POINTS, graded_cell, points, run_notebook, text_of


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
    stripped, failed, passed = run_notebook(
        strips, "assert False", graded_cell("assert answer() == 1"), graded_cell("assert answer() == 0", "other")
    )[1:]
    assert not stripped.outputs  # the attack works on an ordinary cell
    assert points(failed) == 0 and "Line 1: assert answer() == 1" in text_of(failed)
    assert points(passed) == POINTS


@pytest.mark.slow
def test_a_test_cell_is_worth_what_it_ends_in_and_a_warning_costs_nothing():
    warns = "import sys, warnings\nwarnings.warn('old')\nprint('noise', file=sys.stderr)\nassert True"
    cells = run_notebook(
        graded_cell(warns, "warns"), graded_cell("2.5", "some"), graded_cell("400", "more"), graded_cell("float('nan')")
    )
    assert [points(cell) for cell in cells] == [POINTS, 2.5, POINTS, 0]
    assert "noise" in text_of(cells[0])
    assert "not a number of points" in text_of(cells[3])


@pytest.mark.slow
def test_a_tag_does_not_keep_a_test_from_being_run():
    tagged = graded_cell("assert False")
    tagged.metadata.tags = ["skip-execution"]
    assert points(run_notebook(tagged)[0]) == 0


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
    before, lost, after, last = run_notebook(
        graded_cell("assert True"), source, graded_cell("assert True", "after"), "print(1)"
    )
    assert points(before) == POINTS
    assert points(after) == 0 and reason in text_of(after)
    assert not last.outputs
    assert sum(len(str(cell)) for cell in (before, lost, after, last)) < 2 * MAX_OUTPUT


def test_outputs_that_students_saved_are_never_graded():
    with pytest.raises(UsageError, match="--no-execute"):
        run_notebook(graded_cell("assert False"), enabled=False)


def test_a_dead_kernel_is_named():
    assert "died" in _describe_loss(DeadKernelError("Kernel died"))
