"""The system's Chromium and real Jupyter servers, for tests of pages. Each ends with its context."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.support.classroom import environment

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NEEDS_CHROMIUM = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium")
CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-dev-shm-usage",
]
TIMEOUT_MS = 180_000  # long, so that a busy machine fails no test


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        yield browser
        browser.close()


def free_ports(count: int) -> list[int]:
    """Different ports that nothing listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for opened in sockets:
            opened.bind(("127.0.0.1", 0))
        return [opened.getsockname()[1] for opened in sockets]


def is_up(address: str) -> bool:
    """Whether a request gets the status 200. While a server starts, a proxy before it may send others."""
    try:
        with urllib.request.urlopen(address, timeout=10) as response:
            return response.status == 200
    except (urllib.error.URLError, OSError):
        return False


@contextlib.contextmanager
def run_server(command: list[str], log: Path, ready: list[str], **options) -> Iterator[subprocess.Popen]:
    """A server, once all addresses in `ready` are up. It and all processes of its session are killed afterwards."""
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True, **options)
    try:
        deadline = time.monotonic() + TIMEOUT_MS / 1000
        while not all(map(is_up, ready)):
            assert server.poll() is None and time.monotonic() < deadline, log.read_text()[-4000:]
            time.sleep(0.2)
        yield server
    finally:
        for end, seconds in ((signal.SIGTERM, 30), (signal.SIGKILL, None)):
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(server.pid, end)
                server.wait(seconds)


@contextlib.contextmanager
def serve_jupyter(
    program: str, root: Path, private: Path, *arguments: str, ip: str = "127.0.0.1", token: str = "", **environ: str
) -> Iterator[str]:
    """The address of a Jupyter server of the module `program` in the folder `root`. Its settings are in `private`."""
    (port,) = free_ports(1)
    command = [sys.executable, "-W", "ignore", "-m", program, "--no-browser", f"--ip={ip}", f"--port={port}"]
    command += ["--allow-root", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={root}", *arguments]
    settings = {name: str(private / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR")}
    base = f"http://127.0.0.1:{port}"
    with run_server(command, private / "server.log", [f"{base}/api"], cwd=root, env=environment() | settings | environ):
        yield base
