"""Real databases for the tests: a PostgreSQL server of our own, on a socket in a temporary folder."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)


class PostgreSQL:
    """One server; `database` makes an empty database in it. It listens on no network."""

    def __init__(self, folder: Path):
        self.folder, self._bin = folder, PROGRAMS[0]
        self._number = 0
        # PostgreSQL does not start as root
        self._as_user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.getuid() == 0 else []
        if self._as_user:
            shutil.chown(folder, 65534, 65534)
        self._run("initdb", "-D", "data", "-U", "grader", "-A", "trust", "--no-sync")

    def start(self) -> None:
        quick = "-c fsync=off -c max_connections=40"
        options = f"-c listen_addresses='' -c unix_socket_directories='{self.folder}' {quick}"
        self._run("pg_ctl", "-D", "data", "-w", "-l", "log", "-o", options, "start")

    def stop(self) -> None:
        """At once: whoever is connected loses the connection."""
        self._run("pg_ctl", "-D", "data", "-w", "-m", "immediate", "stop")

    def database(self) -> str:
        """The URL of a database that is empty."""
        self._number += 1
        self._run("createdb", "-h", str(self.folder), "-U", "grader", f"test{self._number}")
        return f"postgresql://grader@/test{self._number}?host={self.folder}"

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as_user, str(self._bin / program), *arguments]
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
        )
        assert done.returncode == 0, f"{program}: {done.stdout} {done.stderr}"


@contextlib.contextmanager
def postgresql() -> Iterator[PostgreSQL]:
    """A server that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))  # a socket's path must be short
    try:
        server = PostgreSQL(folder)
        server.start()
        try:
            yield server
        finally:
            with contextlib.suppress(AssertionError):  # a test may have stopped it
                server.stop()
    finally:
        shutil.rmtree(folder)
