"""The console of everything that is printed with rich."""

from __future__ import annotations

import errno
import os

from rich.console import Console


class RichConsole(Console):
    """Without automatic highlighting. Raises BrokenPipeError, which rich itself would turn into exit code 1."""

    def __init__(self, *, stderr: bool = False, quiet: bool = False):
        super().__init__(stderr=stderr, quiet=quiet, highlight=False)

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
