"""The rules of the challenge with other limits, as an edit of rules.toml makes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from course.rules import limits


@contextmanager
def changed_rules(**changes: Any) -> Iterator[None]:
    tables = limits.read_rules(limits.PACKAGED)
    changed = tables | {"challenge": replace(tables["challenge"], **changes)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "read_rules", lambda path: changed)
        yield
