"""A notebook's kernel behind the wall: without network, and with no file but the notebook's own and the course's.

`SandboxedKernelManager` is what nbclient starts it with. They speak through sockets in a folder that both see, and in
which the kernel can make nothing but sockets.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import zmq
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner
from traitlets import Bool, default

from autograder import sandbox
from autograder.workers.notebook_kernel import CONNECTION, FILES, SCRATCH_SIZE
from course import data

MAX_MESSAGE = 20_000_000  # bytes; a picture takes about 100 kB
MAX_FILES = 50_000_000  # bytes of what is handed in beside a notebook


class SandboxedKernelManager(AsyncKernelManager):
    """Starts the kernel in the sandbox; without it, in the same way, where submissions are trusted."""

    sandboxed = Bool(True)

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.folder = Path(tempfile.mkdtemp(prefix="under8k-kernel-")).resolve()
        self.connection_file = str(self.folder / CONNECTION)
        self.ip = str(self.folder / "s")
        self.context.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE)  # whoever sends more is cut off

    @default("transport")
    def _transport(self) -> str:
        return "ipc"

    async def _async_pre_start_kernel(self, **kwargs: Any) -> tuple[list[str], dict[str, Any]]:
        self.provisioner = _Provisioner(kernel_id=self.kernel_id or "", kernel_spec=self.kernel_spec, parent=self)
        return await super()._async_pre_start_kernel(**kwargs)

    async def _async_cleanup_resources(self, restart: bool = False) -> None:
        await super()._async_cleanup_resources(restart)
        shutil.rmtree(self.folder, ignore_errors=True)

    cleanup_resources = _async_cleanup_resources

    def last_stderr_line(self) -> str:
        """The last line that the kernel printed to stderr; empty when it printed none."""
        path = self.folder / "stderr"
        return sandbox.last_stderr_line(path.read_bytes()) if path.exists() else ""


class _Provisioner(LocalProvisioner):
    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        manager: SandboxedKernelManager = self.parent
        _copy_files(Path(kwargs.pop("cwd", None) or "."), manager.folder / FILES)
        self.kernel_spec.interrupt_mode = "message"  # a signal would meet bubblewrap
        kwargs = await super().pre_launch(**kwargs)
        kind = "sandboxed" if manager.sandboxed else "trusted"
        command = [sys.executable, "-P", "-s", "-m", "autograder.workers.notebook_kernel", str(manager.folder), kind]
        env = {"NBGRADER_EXECUTION": "autograde"}
        if manager.sandboxed:
            mnist = data.ensure(progress=False)
            paths = sandbox.readable_paths([mnist])
            command = sandbox.bubblewrap(command, paths, [manager.folder], scratch=SCRATCH_SIZE)
            env |= sandbox.environment() | {"MNIST_ROOT": str(mnist)}
        else:
            env |= os.environ
        with (manager.folder / "stderr").open("wb") as said:
            stderr = os.dup(said.fileno())
        return kwargs | {"cmd": command, "env": env, "cwd": "/", "stdout": subprocess.DEVNULL, "stderr": stderr}


def _copy_files(source: Path, target: Path) -> None:
    """What was handed in beside the notebook; no notebooks, which hold the tests, and no links, which lead anywhere."""
    target.mkdir()
    left = MAX_FILES
    for path in sorted(source.rglob("*")):
        if path.is_symlink() or not path.is_file() or path.suffix == ".ipynb":
            continue
        left -= path.stat().st_size
        if left < 0:
            break
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
