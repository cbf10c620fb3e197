"""What an instructor may set about the leaderboard, in a file of TOML:

order = ["verdict", "parameters", "streak", "epochs", "earlier"]   # what counts, and after it what
best = 20                                                          # the students' page shows so many
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from course.errors import UsageError

ORDER = ("verdict", "parameters", "streak", "lowest", "epochs", "earlier")
"""All that can count; `streak`: longer first, `lowest`: the higher lowest accuracy within it first."""


@dataclass(frozen=True)
class Settings:
    """`order` names what ranks, most important first; `best` is 0 for everybody."""

    order: tuple[str, ...] = ("verdict", "parameters", "streak", "epochs", "earlier")
    best: int = 0


def read_settings(path: Path | None) -> Settings:
    """The settings in the file, or the usual ones without one. Raises UsageError, which names what is wrong."""
    if path is None:
        return Settings()
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"The leaderboard's settings {path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"The leaderboard's settings {path} are not TOML: {error}.") from None
    if unknown := set(given) - {"order", "best"}:
        raise UsageError(f"{path}: there is no setting {min(unknown)!r}. There are order and best.")
    order, best = given.get("order", list(Settings.order)), given.get("best", Settings.best)
    if not isinstance(order, list) or not order or len(set(map(str, order))) < len(order):
        raise UsageError(f"{path}: order is a list of names, each once, such as {list(Settings.order)}.")
    if wrong := [name for name in order if name not in ORDER]:
        raise UsageError(f"{path}: {wrong[0]!r} cannot be ranked by. What can: {', '.join(ORDER)}.")
    if type(best) is not int or best < 0:
        raise UsageError(f"{path}: best is {best!r}, and a number of students is needed, or 0 for all.")
    return Settings(tuple(order), best)
