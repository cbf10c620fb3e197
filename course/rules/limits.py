"""The limits of each assignment, read from the `rules.toml` of the course at hand, else from the packaged one."""

from __future__ import annotations

import difflib
import json
import math
import os
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError

from course.errors import UsageError, plural
from course.recipe import TEST_IMAGES, TRAIN_IMAGES
from course.rules.course_folder import ASSIGNMENT_VARIABLE, RULES, course_folder

PACKAGED = Path(__file__).parent / RULES
MAX_SIZE = 1_000_000  # bytes of a file of rules
# those that were published, with their titles; each has 60,000 training and 10,000 test images
DATA_SETS = {"mnist": "MNIST", "fashion_mnist": "Fashion-MNIST", "kmnist": "KMNIST"}


def _data_set(value: str) -> str:
    path = PurePosixPath(value)
    is_folder = "/" in value and not path.is_absolute() and ".." not in path.parts and path != PurePosixPath()
    if value not in DATA_SETS and not is_folder:
        names = ", ".join(json.dumps(name) for name in DATA_SETS)
        raise ValueError(f'Input should be {names}, or a folder below that of this file, such as "./digits"')
    return value


# what a recipe may be forbidden to have: its name in rules.toml -> in a sentence
FORBIDDEN = {
    "augmentation": "augmentation",
    "scheduler": "scheduler",
    "label_smoothing": "smoothed labels",
    "clip_norm": "clipped gradients",
    "average": "averaged weights",
}
Count = Annotated[int, Field(ge=1, le=1_000_000, strict=True)]
Share = Annotated[float, Field(ge=0, le=1, strict=True)]


@dataclass(frozen=True)
class Rules:
    """The limits of one assignment; `rules.toml` says what each means."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    assignment: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]
    max_parameters: Count
    max_epochs: Annotated[int, Field(ge=1, le=1000, strict=True)]
    accuracy: Share
    hold: Annotated[int, Field(ge=1, le=1000, strict=True)]
    near: Share
    seeds: Annotated[int, Field(ge=1, le=99, strict=True)]
    allow_leaks: Annotated[bool, Field(strict=True)]
    attempts: Literal["last", "best"] = "last"
    data: Annotated[str, AfterValidator(_data_set)] = "mnist"
    train_images: Count | None = None
    forbid: tuple[Literal["augmentation", "scheduler", "label_smoothing", "clip_norm", "average"], ...] = ()
    transforms: tuple[str, ...] | None = None
    optimizers: tuple[str, ...] | None = None

    @property
    def restricts_choices(self) -> bool:
        """Whether more is restricted than counts and accuracies."""
        return bool(self.forbid) or self.transforms is not None or self.optimizers is not None

    @property
    def streak(self) -> str:
        """For how long the accuracy has to be held, in words: `2 consecutive epochs`."""
        return "1 epoch" if self.hold == 1 else f"{self.hold} consecutive epochs"

    def describe(self) -> str:
        """Sentences for people, with every limit that a student has to keep."""
        sentences = [
            f"At most {plural(self.max_parameters, 'parameter')} and {plural(self.max_epochs, 'epoch')}; "
            f"{self.accuracy:.2%} held for {self.streak}."
        ]
        if self.data != "mnist":
            sentences.append(f"Data: {DATA_SETS.get(self.data, self.data)}.")
        if self.train_images is not None:
            sentences.append(f"{plural(self.train_images, 'training image')}.")
        if self.forbid:
            sentences.append(f"No {' and no '.join(FORBIDDEN[name] for name in self.forbid)}.")
        for kind, allowed in (("Training transforms", self.transforms), ("Optimizers", self.optimizers)):
            if allowed is not None:
                sentences.append(f"{kind}: {', '.join(allowed) or 'none'}.")
        return " ".join([*sentences, f"Of a student's attempts the {self.attempts} one counts."])

    def needed(self, total: int = TEST_IMAGES) -> int:
        """The smallest number of right answers of `total` that reaches the accuracy: 9,940 for 99.40 % of 10,000."""
        return math.ceil(round(self.accuracy * total, 6))


_RULES = TypeAdapter(Rules)


def assignments() -> tuple[str, ...]:
    """The names of all assignments, in the order of the course."""
    return tuple(_tables())


def load_rules(assignment: str) -> Rules:
    """The rules of one assignment. Raises UsageError, which lists all assignments, for an unknown name."""
    if assignment not in _tables():
        raise UsageError(
            f"There is no assignment {assignment!r}. The assignments are: {', '.join(assignments())} ({rules_file()})."
        )
    return _tables()[assignment]


def rules_at_hand() -> Rules | None:
    """The rules of $UNDER8K_ASSIGNMENT, else of the assignment that the working folder is named after; None without."""
    if chosen := os.environ.get(ASSIGNMENT_VARIABLE):
        return load_rules(chosen)
    return _tables().get(Path.cwd().name)


def rules_file() -> Path:
    """The file that the rules are read from. Raises UsageError as `course_folder` does."""
    folder = course_folder()
    return PACKAGED if folder is None else folder / RULES


def _tables() -> dict[str, Rules]:
    return read_rules(rules_file())


def read_rules(path: Path) -> dict[str, Rules]:
    """All tables of a file of rules. Raises UsageError, which names file, table, key, value and what is allowed."""
    try:
        with path.open("rb") as file:
            return _parse(path, file.read(MAX_SIZE))
    except OSError as error:
        raise UsageError(f"The rules in {path} cannot be read: {error}. Correct the file.") from None


@lru_cache(16)  # asked for with each verdict, and a program that runs for long sees an edited file
def _parse(path: Path, content: bytes) -> dict[str, Rules]:
    try:
        tables = tomllib.loads(content.decode())
    except ValueError as error:
        raise UsageError(f"The rules in {path} cannot be read: {error}. Correct the file.") from None
    if not tables:
        raise UsageError(f"There is no assignment in {path}. Write a table for each, such as [challenge].")
    return {name: _read_table(path, name, table) for name, table in tables.items()}


def goal_rules() -> Rules:
    """The assignment that pictures compare with: the challenge, or the last one of a course that has none."""
    tables = _tables()
    return tables.get("challenge") or list(tables.values())[-1]


def to_toml(rules: Rules) -> str:
    """The table of an assignment as text."""
    table = {key: value for key, value in asdict(rules).items() if key != "assignment" and value is not None}
    lines = [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    name = rules.assignment if "." not in rules.assignment else json.dumps(rules.assignment)
    return "\n".join([f"[{name}]", *lines, ""])


def rules_from(name: str, table: Mapping[str, Any]) -> Rules:
    """The rules of an assignment as its table gives them. Raises UsageError with table, key, value, what is allowed."""
    if "assignment" in table:  # a field of the rules, whose value is the table's name
        raise UsageError(_unknown_key(name, "assignment"))
    try:
        rules = _RULES.validate_python({**table, "assignment": name})
    except ValidationError as error:
        raise UsageError(_describe(name, error)) from None
    if rules.hold > rules.max_epochs:
        raise UsageError(f"[{name}] hold = {rules.hold} is more than max_epochs = {rules.max_epochs}.")
    if rules.transforms is not None or rules.optimizers is not None:
        _check_names(rules)
    if rules.data in DATA_SETS and (rules.train_images or 0) > TRAIN_IMAGES:
        raise UsageError(f"[{name}] train_images = {rules.train_images}: {rules.data} has {TRAIN_IMAGES:,} of them.")
    return rules


def _check_names(rules: Rules) -> None:
    """Raise UsageError for a transform or optimizer that no recipe can have."""
    from course.training.optimizers import OPTIMIZERS  # PyTorch takes seconds to load, and few rules need it
    from course.transforms.registry import REGISTRY

    for key, existing in (("transforms", REGISTRY), ("optimizers", OPTIMIZERS)):
        for number, given in enumerate(getattr(rules, key) or ()):
            if given not in existing:
                lowered = {name.lower(): name for name in existing}
                close = difflib.get_close_matches(given.lower(), lowered, 1)
                nearest = f" Did you mean {lowered[close[0]]!r}?" if close else ""
                raise UsageError(
                    f"[{rules.assignment}] {key}.{number} = {given!r} is none that a recipe can have.{nearest} "
                    f"There are: {', '.join(existing)}."
                )


def _read_table(path: Path, name: str, table: Any) -> Rules:
    if not isinstance(table, dict):
        raise UsageError(
            f"{path}: {name} = {table!r} stands outside of a table. Write it below [the assignment's name]."
        )
    try:
        return rules_from(name, table)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None


def _describe(name: str, error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    key = ".".join(map(str, first["loc"]))
    if key == "assignment":
        return f"[{name}] is no name of an assignment. Begin with a letter or digit; '_', '.' and '-' may follow."
    if first["type"] == "missing":
        return f"[{name}] has no {key}. {_its_keys()}"
    if first["type"] == "unexpected_keyword_argument":
        return _unknown_key(name, key)
    return f"[{name}] {key} = {first['input']!r}: {first['msg'].removeprefix('Value error, ')}."


def _unknown_key(name: str, key: str) -> str:
    return f"[{name}] has a key {key!r} that is not known. {_its_keys()}"


def _its_keys() -> str:
    return f"Its keys are: {', '.join(name for name in Rules.__dataclass_fields__ if name != 'assignment')}."
