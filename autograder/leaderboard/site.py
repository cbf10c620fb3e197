"""Where the leaderboard is, and the files that its pages load. Light: every server of the environment imports it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

STATIC = Path(__file__).parent / "static"


@dataclass(frozen=True)
class Site:
    """`root` is the address of the leaderboard; `boot` tells one start of the server from another.

    `nonce` is drawn for each answer: the page's policy allows scripts that carry it, and no others.
    """

    root: str
    boot: str
    milliseconds: int
    nonce: str = ""

    def static(self, name: str) -> str:
        return f"{self.root}/static/{name}?v={_age(name)}"

    def common(self, assignment: str, counts: dict[str, int], title: str) -> dict:
        """What every page needs."""
        shown = {"root": self.root, "static": self.static, "nonce": self.nonce, "assignments": counts}
        return shown | {"plotly_styles": plotly_styles(), "assignment": assignment, "title": title}


@cache
def _age(name: str) -> str:
    """Changes with the file, so that browsers may keep it."""
    file = STATIC / name
    return f"{(file if file.exists() else plotly_file()).stat().st_mtime:.0f}"


def plotly_file() -> Path:
    """Plotly's script, from its package."""
    return Path(find_spec("plotly").origin).parent / "package_data" / "plotly.min.js"


@cache
def plotly_styles() -> tuple[str, ...]:
    """The ids of style sheets that Plotly would write into a page, for maps that are not drawn here.

    It leaves one out that is there, and the pages' policy allows none.
    """
    return tuple(sorted(set(re.findall(r'getElementById\("([0-9a-f]{64})"\)', plotly_file().read_text("utf-8")))))
