"""What an instructor may set for the leaderboard, in a TOML file:

order = ["verdict", "parameters", "streak", "epochs", "earlier"]   # what ranks, most important first
best = 20                                                          # how many the students' page shows
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from course.errors import UsageError

# by what rows can be ranked; `streak`: longer first, `lowest`: the higher lowest accuracy within the streak first
CRITERIA = ("verdict", "parameters", "streak", "lowest", "epochs", "earlier")


@dataclass(frozen=True)
class Settings:
    """`order` are the criteria, most important first; `best` is 0 for everybody."""

    order: tuple[str, ...] = ("verdict", "parameters", "streak", "epochs", "earlier")
    best: int = 0


def read_settings(path: Path | None) -> Settings:
    """The settings in the file; the defaults without a file. Raises UsageError, which names what is wrong."""
    if path is None:
        return Settings()
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"The leaderboard's settings {path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"The leaderboard's settings {path} are not TOML: {error}.") from None
    if unknown := set(given) - {"order", "best"}:
        raise UsageError(f"{path}: there is no setting {min(unknown)!r}. The settings are order and best.")
    order, best = given.get("order", list(Settings.order)), given.get("best", Settings.best)
    if not isinstance(order, list) or not order or len(set(map(str, order))) < len(order):
        raise UsageError(f"{path}: order is a list of names, each once, such as {list(Settings.order)}.")
    if unknown_criteria := [name for name in order if name not in CRITERIA]:
        raise UsageError(f"{path}: {unknown_criteria[0]!r} cannot be ranked by. What can: {', '.join(CRITERIA)}.")
    if type(best) is not int or best < 0:
        raise UsageError(f"{path}: best is {best!r}, and must be a number of students, or 0 for all.")
    return Settings(tuple(order), best)
