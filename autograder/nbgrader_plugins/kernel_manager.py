"""The kernel of a submitted notebook, in the sandbox: no network, and no files but the notebook's and the course's.

nbclient starts it through `SandboxedKernelManager`. The two communicate through Unix sockets in a folder that both can
see; sockets are all that the kernel can create there.
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
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from traitlets import Bool, Unicode, default

from autograder import sandbox
from autograder.grading.plain_files import describe_special, open_plain
from autograder.workers.notebook_kernel import CONNECTION, FILES, SCRATCH_SIZE
from course.data import MNIST, DataSet, root_variable
from course.rules import ASSIGNMENT_VARIABLE, COURSE_VARIABLE, assignments, load_rules, rules_file

MAX_MESSAGE = 20_000_000  # bytes; a picture takes about 100 kB
MAX_FILES = 50_000_000  # bytes of the files that were handed in with a notebook


class SandboxedKernelManager(AsyncKernelManager):
    """Starts the kernel in the sandbox or, where submissions are trusted, the same kernel without it."""

    sandboxed = Bool(True)
    assignment = Unicode("", help="Whose data set the notebook has.")

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.folder = Path(tempfile.mkdtemp(prefix="under8k-kernel-")).resolve()
        self.connection_file = str(self.folder / CONNECTION)
        self.ip = str(self.folder / "s")  # with the transport "ipc": the prefix of the sockets' paths
        self.context.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE)  # a kernel that sends more is disconnected

    @default("transport")
    def _transport(self) -> str:
        return "ipc"

    async def _async_pre_start_kernel(self, **kwargs: Any) -> tuple[list[str], dict[str, Any]]:
        self.provisioner = _Provisioner(self, kernel_id=self.kernel_id or "", kernel_spec=self.kernel_spec)
        return await super()._async_pre_start_kernel(**kwargs)

    async def _async_cleanup_resources(self, restart: bool = False) -> None:
        await super()._async_cleanup_resources(restart)
        shutil.rmtree(self.folder, ignore_errors=True)

    cleanup_resources = _async_cleanup_resources


class _Provisioner(LocalProvisioner):
    def __init__(self, manager: SandboxedKernelManager, **kwargs: Any):
        super().__init__(parent=manager, **kwargs)
        self._manager = manager

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        folder, sandboxed, assignment = self._manager.folder, self._manager.sandboxed, self._manager.assignment
        rules = rules_file()  # not those that were handed in
        env = {"NBGRADER_EXECUTION": "autograde", COURSE_VARIABLE: str(rules.parent)}
        data_set = MNIST
        if assignment in assignments():
            data_set = DataSet.of(load_rules(assignment))
            env |= {ASSIGNMENT_VARIABLE: assignment}
        _copy_files(
            Path(kwargs.pop("cwd", None) or "."), folder / FILES, None if data_set.is_published else data_set.name
        )
        self.kernel_spec.interrupt_mode = "message"  # a signal would only reach bubblewrap
        kwargs = await super().pre_launch(**kwargs)
        mode = "sandboxed" if sandboxed else "trusted"
        command = [sys.executable, "-P", "-s", "-m", "autograder.workers.notebook_kernel", str(folder), mode]
        if sandboxed:
            files = data_set.files(progress=False)
            readable = sandbox.readable_paths([*files.paths, rules])
            command = sandbox.bubblewrap(command, readable, [folder], scratch=SCRATCH_SIZE)
            env |= sandbox.environment()
            if data_set.is_published:
                env |= {root_variable(data_set.name): str(files.folder)}
        else:
            env = dict(os.environ) | env
        streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return kwargs | {"cmd": command, "env": env, "cwd": "/"} | streams


def _copy_files(source: Path, target: Path, own_data: str | None = None) -> None:
    """Copy what was handed in with the notebook, but no notebooks, which contain the tests, and no links.

    Nor the copy of the course's `own_data` that was released with it: the notebook sees the course's. Files after the
    first MAX_FILES bytes are left out.
    """
    target.mkdir()
    remaining = MAX_FILES
    for path in sorted(source.rglob("*")):
        if path.suffix.lower() == ".ipynb" or (path.is_dir() and not path.is_symlink()) or describe_special(path):
            continue
        if own_data is not None and path.relative_to(source).is_relative_to(own_data):
            continue
        remaining -= path.stat().st_size
        if remaining < 0:
            break
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        with open_plain(path) as file, copy.open("wb") as written:
            shutil.copyfileobj(file, written)
