"""Fork servers that a test leaves to the next one: starting one loads PyTorch, which takes seconds.

A child of a server that had others before is as fresh as one of a new server: that is what a fork server is for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import pytest

from autograder import sandbox
from autograder.sandbox import ForkServerProcess, Tier
from autograder.sandbox.namespaces import environment


class KeptServers:
    """All fork servers of the tests in this process. A context manager, which ends them."""

    def __init__(self) -> None:
        self._idle: dict[tuple[object, ...], list[_KeptServer]] = defaultdict(list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for idle in self._idle.values():
            while idle:
                idle.pop().end()

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Inside, what grades in this process is given servers that are idle, where it would start some."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sandbox, "ForkServerProcess", self._take)
            patch.setattr(sandbox.fork_server, "ForkServerProcess", self._take)
            yield

    def _take(
        self,
        module: str,
        tier: Tier,
        readable: Sequence[Path],
        variables: Mapping[str, str] = MappingProxyType({}),
        devices: Sequence[Path] = (),
    ) -> ForkServerProcess:
        key = (module, tier, *readable, *devices, *sorted({**environment(), **variables}.items()))
        idle = self._idle[key]
        while idle:
            server = idle.pop()
            if server.is_alive():
                return server
            server.end()
        server = _KeptServer(module, tier, readable, variables, devices)
        server.idle = idle
        return server


class _KeptServer(ForkServerProcess):
    idle: list[_KeptServer] | None = None  # where it goes when it is closed; None while it starts
    _child: Any = None

    def fork(self, *arguments: Any) -> Any:
        self._child = super().fork(*arguments)
        return self._child

    def close(self) -> bytes:
        """Leave it to the next one, unless something is still running in it."""
        is_free = self._child is None or self._child._code is not None
        if self.idle is None or not is_free or not self.is_alive():
            return self.end()
        self.idle.append(self)
        return b""

    def end(self) -> bytes:
        return super().close()
