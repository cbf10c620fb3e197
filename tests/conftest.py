"""What holds for all tests: the quick ones first, and no promise about time."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ORDER = ("test_project.py", "course", "autograder")

# a slow machine proves nothing; where nobody can look at a failure twice, every run draws the same examples
settings.register_profile(
    "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("patient")


def pytest_collection_modifyitems(items):
    """Order by cost: what computes, what is marked slow, what fetches; within that from small parts to large ones."""
    here = Path(__file__).parent

    def cost(item):
        top = item.path.relative_to(here).parts[0]
        marked = [item.get_closest_marker(name) is not None for name in ("registry", "slow")]
        return *marked, ORDER.index(top) if top in ORDER else len(ORDER)

    items.sort(key=cost)


@pytest.fixture(autouse=True, scope="session")
def a_store_of_our_own(tmp_path_factory):
    """No test writes to the store of whoever runs it."""
    os.environ["UNDER8K_STORE"] = str(tmp_path_factory.mktemp("store") / "results.db")
    yield
    del os.environ["UNDER8K_STORE"]
