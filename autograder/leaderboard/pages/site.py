"""Where the leaderboard is, and the files that its pages load. Cheap to import: every Jupyter Server imports it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

STATIC = Path(__file__).parent / "static"


@dataclass(frozen=True)
class Site:
    """`root` is the address of the leaderboard; `boot` distinguishes one start of the server from another.

    `nonce` is drawn for each response: the page's content security policy allows only scripts that carry it.
    """

    root: str
    boot: str
    milliseconds: int
    nonce: str = ""

    def static(self, name: str) -> str:
        return f"{self.root}/static/{name}?v={_modified(name)}"

    def common(self, assignment: str, counts: Mapping[str, int], title: str) -> dict[str, Any]:
        """The values that every page needs; `counts` are the students of each assignment."""
        return {
            "root": self.root,
            "static": self.static,
            "nonce": self.nonce,
            "assignments": counts,
            "plotly_styles": plotly_styles(),
            "assignment": assignment,
            "title": title,
        }


@cache
def _modified(name: str) -> str:
    """Changes with the file, so that browsers may cache it."""
    file = STATIC / name
    return f"{(file if file.exists() else plotly_file()).stat().st_mtime:.0f}"


def plotly_file() -> Path:
    """Plotly's script, from its package."""
    spec = find_spec("plotly")
    assert spec is not None and spec.origin is not None  # a dependency of the grader
    return Path(spec.origin).parent / "package_data" / "plotly.min.js"


@cache
def plotly_styles() -> tuple[str, ...]:
    """The ids of the style elements that Plotly adds to a page for maps, which are not drawn here.

    It adds none that exists already, and the pages' policy allows none.
    """
    return tuple(sorted(set(re.findall(r'getElementById\("([0-9a-f]{64})"\)', plotly_file().read_text("utf-8")))))
