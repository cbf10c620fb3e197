"""Capturing and inspecting in the sandbox: what something else did to the process is never the student's fault."""

import contextlib
import signal
import threading
import time
from pathlib import Path

import psutil
import pytest

from autograder.grading.recipe_sandbox import RecipeSandbox
from autograder.sandbox import Tier, best_tier
from course.errors import RecipeError, StudentCodeError
from tests.support.recipes import TINY

pytestmark = pytest.mark.usefixtures("kept_servers")
SLOW = "import time\ntime.sleep(1.5)\n" + TINY  # long enough to be found and killed


class Killer(contextlib.AbstractContextManager):
    """Kills this process's locked descendants, the first `most` of them, as the kernel does when memory is short."""

    def __init__(self, most: int):
        self.killed, self._most, self._over = set(), most, threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _watch(self):
        while not self._over.wait(0.02) and len(self.killed) < self._most:
            for process in psutil.Process().children(recursive=True):
                if process.pid not in self.killed and _locked(process.pid):
                    self.killed.add(process.pid)
                    time.sleep(0.2)
                    process.send_signal(signal.SIGKILL)
                    break


def _locked(pid: int) -> bool:
    """Whether the inner wall is up in it: the kernel tells of the filter."""
    with contextlib.suppress(OSError):
        return "Seccomp:\t2" in Path(f"/proc/{pid}/status").read_text()
    return False


@pytest.fixture(scope="module")
def tier():
    found = best_tier()
    assert found is not Tier.NONE
    return found


@pytest.mark.parametrize("warm", [True, False], ids=["warm", "cold"])
@pytest.mark.slow
def test_a_recipe_whose_process_was_killed_from_outside_is_taken_in_again(tier, warm):
    with RecipeSandbox(tier, warm=warm) as recipe_sandbox, Killer(1) as killer:
        spec = recipe_sandbox.capture(SLOW)
    assert len(killer.killed) == 1
    with RecipeSandbox(tier) as recipe_sandbox:
        assert recipe_sandbox.capture(SLOW) == spec


def test_a_recipe_that_is_killed_each_time_is_told_of_its_memory(tier):
    with (
        RecipeSandbox(tier, warm=True) as recipe_sandbox,
        Killer(2) as killer,
        pytest.raises(StudentCodeError, match="of memory"),
    ):
        recipe_sandbox.capture(SLOW)
    assert len(killer.killed) == 2


@pytest.mark.parametrize("warm", [True, False], ids=["warm", "cold"])
def test_a_recipe_is_confirmed_when_another_process_gets_the_same(tier, warm):
    with RecipeSandbox(tier, warm=warm) as recipe_sandbox:
        spec = recipe_sandbox.capture(TINY)
        recipe_sandbox.confirm(TINY, spec)
        by_hash = TINY.replace("lr=0.1", "lr=0.1 + hash('a') % 10**6 * 1e-9")
        with pytest.raises(RecipeError, match=r"run twice: optimizer\.groups\.0\.options\.lr is"):
            recipe_sandbox.confirm(by_hash, recipe_sandbox.capture(by_hash))


def test_a_recipe_that_fails_the_second_time_is_refused_with_its_error(recipe_sandbox):
    source = TINY + "import time\nif time.time() > 1.82e9:\n    1 / 0\n"
    with pytest.raises(RecipeError, match=r"not when it is run again: .*division by zero\. A recipe must"):
        recipe_sandbox.confirm(source, recipe_sandbox.capture(TINY))
