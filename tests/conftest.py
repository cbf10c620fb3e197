"""Settings of the whole test suite: order, repeatable examples, and user folders that are not the user's own."""

import os
import tempfile
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings
from platformdirs import user_config_path

from course.data import data_folder
from course.rules import COURSE_VARIABLE

ORDER = ("test_project.py", "course", "autograder")
LONGEST = "test_nbgrader_course.py"  # minutes in one process: at the very end the other one would have nothing to do
MARKER_OF_FIXTURE = {"browser": "browser", "postgresql_server": "database"}

# No deadline: the time that an example takes says nothing on a busy machine. In CI every run draws the same examples,
# because nobody can repeat a failure there.
settings.register_profile(
    "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("patient")


def pytest_configure(config: pytest.Config) -> None:
    """Let this process and all that it starts use temporary user folders, from before the first import of a test."""
    temporary = tempfile.TemporaryDirectory(prefix="under8k-tests-", ignore_cleanup_errors=True)
    config.add_cleanup(temporary.cleanup)
    replace_user_folders(Path(temporary.name))


def replace_user_folders(folder: Path) -> None:
    """Set the variables that name the user's configuration, cache and data, and a fixed secret: seeds are repeatable.

    Two of the user's folders stay in use, by links: MNIST, which is fetched once for all runs, and the configuration
    of pip, which names the registry that it is fetched from.
    """
    shared = {"config/pip": user_config_path("pip"), "cache/under8k/mnist": data_folder()}
    data_folder().mkdir(parents=True, exist_ok=True)
    for name, path in shared.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(path)
    os.environ |= {f"XDG_{kind.upper()}_HOME": str(folder / kind) for kind in ("config", "cache", "data", "state")}
    os.environ |= {
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_CONFIG_DIR": str(folder / "jupyter"),
        "MPLCONFIGDIR": str(folder / "matplotlib"),
        "npm_config_cache": str(folder / "npm"),
        "UNDER8K_STORE": str(folder / "results.db"),
        "UNDER8K_SECRET": "the secret of the tests",
    }
    # Jupyter prefers these to the folders above
    for name in ("JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        os.environ.pop(name, None)


@pytest.fixture(autouse=True)
def no_course():
    """A test begins and ends outside of any course; what it starts may choose one."""
    yield
    os.environ.pop(COURSE_VARIABLE, None)


@pytest.hookimpl(tryfirst=True)  # before `-m` selects
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by the fixtures that they use. Order them: quick before slow, small parts before large ones."""
    here = Path(__file__).parent

    def cost(item: pytest.Item) -> tuple[bool | int, ...]:
        top = item.path.relative_to(here).parts[0]
        marked = [item.get_closest_marker(name) is not None for name in ("registry", "slow")]
        return *marked, item.path.name != LONGEST, ORDER.index(top) if top in ORDER else len(ORDER)

    for item in items:
        for fixture in MARKER_OF_FIXTURE.keys() & set(getattr(item, "fixturenames", ())):
            item.add_marker(MARKER_OF_FIXTURE[fixture])
        if item.get_closest_marker("cuda") and not torch.cuda.is_available():
            item.add_marker(pytest.mark.skip(reason="PyTorch finds no CUDA device here"))
    items.sort(key=cost)
