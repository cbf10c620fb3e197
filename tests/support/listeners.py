"""A listener to a grading, for tests that look at what it was told."""

from __future__ import annotations

from collections.abc import Callable


class RecordingListener:
    """Remembers every call, as `(name, *arguments)`."""

    def __init__(self) -> None:
        self.heard: list[tuple[object, ...]] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *arguments: self.heard.append((name, *arguments))
