"""Real databases for the tests: a PostgreSQL server of our own, on a socket in a temporary folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)


class PostgreSQL:
    """One server, reached through a socket in `folder`; it listens on no network."""

    def __init__(self, folder: Path):
        self.folder, self._programs = folder, PROGRAMS[0]
        self._databases = 0
        # PostgreSQL refuses to run as root
        self._as_user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.getuid() == 0 else []
        if self._as_user:
            shutil.chown(folder, 65534, 65534)
        self._run("initdb", "-D", "data", "-U", "grader", "-A", "trust", "--no-sync")

    def start(self) -> None:
        """Start the server; one that runs already is left as it is."""
        if self.is_running():
            return
        settings = "-c fsync=off -c max_connections=40"
        options = f"-c listen_addresses='' -c unix_socket_directories='{self.folder}' {settings}"
        self._run("pg_ctl", "-D", "data", "-w", "-l", "log", "-o", options, "start")

    def stop(self) -> None:
        """Stop at once: every client loses its connection."""
        self._run("pg_ctl", "-D", "data", "-w", "-m", "immediate", "stop")

    def is_running(self) -> bool:
        return self._call("pg_ctl", "-D", "data", "status").returncode == 0

    def create_database(self) -> str:
        """The URL of a new, empty database. A test before this one may have stopped the server."""
        self.start()
        self._databases += 1
        name = f"test{self._databases}"
        self._run("createdb", "-h", str(self.folder), "-U", "grader", name)
        return f"postgresql://grader@/{name}?host={self.folder}"

    def _run(self, program: str, *arguments: str) -> None:
        done = self._call(program, *arguments)
        if done.returncode != 0:
            log = self.folder / "log"
            raise RuntimeError(f"{program}: {done.stdout} {done.stderr} {log.read_text() if log.exists() else ''}")

    def _call(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*self._as_user, str(self._programs / program), *arguments]
        return subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
        )


@contextlib.contextmanager
def postgresql() -> Iterator[PostgreSQL]:
    """A running server; it and its files are removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))  # the path of a socket must be short
    try:
        server = PostgreSQL(folder)
        server.start()
        try:
            yield server
        finally:
            if server.is_running():
                server.stop()
    finally:
        shutil.rmtree(folder)
