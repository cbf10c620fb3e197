"""The sandbox: a student's code runs without files, network, other processes, or more than its share.

    tier = choose_tier(trust_submissions=False)              # raises UsageError where there is no wall
    finished = run(["-m", "some.module"], tier=tier, stdin=source)
    with ForkServer("some.module", tier=tier) as nursery:       # the same, from a process that has torch loaded
        finished = nursery.run(stdin=source)

The module imports what it needs, calls `lockdown()`, and only then touches what the student wrote.

Two walls, one inside the other. The outer one, bubblewrap, makes a world with its own processes, users and
(empty) network, in which only the interpreter, its packages, the system's libraries and this project's two
packages exist, read-only. The inner one is put up by the process itself, for good: resource limits, no
capabilities, no new privileges, Landlock (reads of those same paths and nothing else; no writes at all) and a
seccomp filter (no sockets, programs, processes, signals to others, ...: such calls raise PermissionError).
The supervisor keeps the clock and the tally of output, and ends the whole tree; the tree also ends with the
supervisor, however that dies.

What it does not cover:
- A hole in the kernel. The filter shuts out what is seldom needed and often broken, yet the kernel is shared.
  A virtual machine is the answer to an attacker who has such a hole.
- Whatever lies in the folders that stay readable: the interpreter's, the environment's, /usr. Keep no labels,
  solutions or passwords in them, nor in a `readable` folder.
- What the code computes and prints. Nothing that comes out is to be believed; read it as untrusted data.
- Timing and other side channels, and slowing down the neighbours within its own share of one core.
- Without bubblewrap (`Tier.LANDLOCK`): names, sizes and dates of files elsewhere can be learnt, though not their
  content, and between the start and `lockdown()` (our own code only) nothing is shut.
- With `threads` above 1, the number of threads is bounded for an ordinary user under bubblewrap only; memory
  bounds it elsewhere. With 1, the default, there can be no second thread.
- `Tier.NONE` covers nothing: the time limit and the output limit are all there is.
"""

from autograder.sandbox.fork_server import ForkServer, ForkServerProcess
from autograder.sandbox.limits import Limits, SandboxResult, Tier
from autograder.sandbox.lockdown import OUT_OF_MEMORY, lockdown, lockdown_notebook_kernel
from autograder.sandbox.namespaces import bubblewrap, environment, readable_paths
from autograder.sandbox.probe import best_tier, choose_tier, tier_problem
from autograder.sandbox.supervisor import ChildProcess, last_stderr_line, run

__all__ = [
    "OUT_OF_MEMORY",
    "ChildProcess",
    "ForkServer",
    "ForkServerProcess",
    "Limits",
    "SandboxResult",
    "Tier",
    "best_tier",
    "bubblewrap",
    "choose_tier",
    "environment",
    "last_stderr_line",
    "lockdown",
    "lockdown_notebook_kernel",
    "readable_paths",
    "run",
    "tier_problem",
]
