"""Which processes are there: what a test has started must be gone afterwards."""

import os
from pathlib import Path


def processes(marker: str, parent: int | None = None) -> set[int]:
    """The processes, of that parent if it is given, that have `marker` in their command line."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            is_child = parent is None or f"PPid:\t{parent}\n" in (folder / "status").read_text()
            if is_child and marker.encode() in (folder / "cmdline").read_bytes():
                found.add(int(folder.name))
        except (FileNotFoundError, ProcessLookupError):  # it ended while we looked
            continue
    return found


def fork_server_processes() -> set[int]:
    """The fork server processes, or the bubblewraps around them, that this process has started."""
    return processes("autograder.sandbox.fork_server_process", parent=os.getpid())


def processes_of_session(session: int) -> list[int]:
    """The processes of a session that still run."""
    running = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                state = Path(f"/proc/{entry}/stat").read_text().rsplit(")", 1)[1].split()[0]
                if os.getsid(int(entry)) == session and state != "Z":
                    running.append(int(entry))
            except (ProcessLookupError, FileNotFoundError):
                continue
    return running
