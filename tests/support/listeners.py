"""Listeners of a grading for tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class RecordingListener:
    """Remembers each call as (name of the method, *arguments)."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *arguments: self.calls.append((name, *arguments))

    def named(self, name: str) -> list[tuple[Any, ...]]:
        """The arguments of each call of that method."""
        return [call[1:] for call in self.calls if call[0] == name]
