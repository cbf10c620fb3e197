"""The rules of the challenge with other limits, as an edit of rules.toml makes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from course import rules


@contextmanager
def changed_rules(**limits: object) -> Iterator[None]:
    tables = {name: dict(table) for name, table in rules._tables().items()}
    tables["challenge"] |= limits
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rules, "_tables", lambda: tables)
        yield
