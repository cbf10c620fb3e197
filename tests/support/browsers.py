"""Debian's Chromium and real Jupyter servers, for the tests that click; each is gone afterwards."""

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
QUIET = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-dev-shm-usage",
]
PATIENCE = 180_000  # ms; a slow machine proves nothing


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def answers(address: str) -> bool:
    """With 200: while a server starts, what stands before it may answer otherwise."""
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


@contextlib.contextmanager
def running(command: list[str], log: Path, ready: list[str], **options) -> Iterator[subprocess.Popen]:
    """A server, once all addresses in `ready` answer; it and all of its session are killed afterwards."""
    with log.open("wb") as said:
        server = subprocess.Popen(command, stdout=said, stderr=said, start_new_session=True, **options)
    try:
        deadline = time.monotonic() + PATIENCE / 1000
        while not all(map(answers, ready)):
            assert server.poll() is None and time.monotonic() < deadline, log.read_text()[-4000:]
            time.sleep(0.2)
        yield server
    finally:
        for how, seconds in ((signal.SIGTERM, 30), (signal.SIGKILL, None)):
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(server.pid, how)
                server.wait(seconds)


@contextlib.contextmanager
def jupyter(
    program: str, root: Path, private: Path, *arguments: str, ip: str = "127.0.0.1", token: str = "", **environ: str
) -> Iterator[str]:
    """A Jupyter server of the module `program` in the folder `root`, with settings of its own: its address."""
    (port,) = free_ports(1)
    command = [sys.executable, "-W", "ignore", "-m", program, "--no-browser", f"--ip={ip}", f"--port={port}"]
    command += ["--allow-root", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={root}", *arguments]
    settings = {name: str(private / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR")}
    base = f"http://127.0.0.1:{port}"
    with running(command, private / "server.log", [f"{base}/api"], cwd=root, env=environment() | settings | environ):
        yield base
