"""An nbgrader_config.py of an earlier release keeps working, and one warning says what to write in it instead.

nbgrader itself imports the classes that its configuration names: after the file has been read, in its commands as well
as in the Jupyter server behind formgrader, where an exception would be a traceback or a failed request. So an import
hook finds the old modules, and their attributes are those of the package that has replaced them. Python asks the hook
only for a module that it finds nowhere else.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

OLD_MODULES = ("autograder.exports", "autograder.preprocessors", "autograder.reading", "autograder.showing")
OLD_NAMES = (
    *("CanvasExport", "MoodleExport", "RestoreCells", "SandboxedExecute", "SubmissionReader", "TrainedScore"),
    "markdown_to_html",
)
NEW_PACKAGE = "autograder.nbgrader_plugins"  # exports all of them


def install() -> None:
    """Let Python find the old modules."""
    sys.meta_path.append(_OldModuleFinder())


@cache
def warn_once(sentence: str) -> None:
    """Write a warning to the log of nbgrader or of the Jupyter server; the same one only once in a process."""
    from traitlets.log import get_logger

    get_logger().warning(sentence)


class _OldModuleFinder(MetaPathFinder, Loader):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, self) if fullname in OLD_MODULES else None

    def exec_module(self, module: ModuleType) -> None:
        def get_from_new_package(name: str) -> object:
            if name not in OLD_NAMES:
                raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
            warn_once(f"Outdated nbgrader_config.py: write {NEW_PACKAGE} in place of {', '.join(OLD_MODULES)}.")
            return getattr(import_module(NEW_PACKAGE), name)

        module.__dict__["__getattr__"] = get_from_new_package
