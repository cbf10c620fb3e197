"""The sandbox: a student's code runs without files, network, other processes, or more than its share.

    tier = choose_tier(trust_submissions=False)              # raises UsageError if no tier works here
    result = run(["-m", "some.module"], tier=tier, stdin=source)
    with ForkServer("some.module", tier=tier) as server:     # the same, forked from a process that has torch loaded
        result = server.run(stdin=source)

The module imports what it needs, calls `lockdown()`, and only then touches the student's code.

There are two layers of isolation, one inside the other. The outer one is bubblewrap (`namespaces`): namespaces with
their own processes, users and (empty) network, in which only the interpreter, its packages, the system's libraries
and this project's two packages exist, read-only. The inner one is what the process irrevocably does to itself
(`lockdown`): resource limits, no capabilities, no new privileges, Landlock (it may read those same paths and write
nothing) and a seccomp filter (`syscalls`: no sockets, programs, processes, signals to others, ...; such calls raise
PermissionError). The supervisor enforces the limits of time and output and ends the whole process tree; the tree also
ends with the supervisor, however that dies.

What it does not cover:
- A vulnerability in the kernel. The filter refuses calls that are seldom needed and often vulnerable, yet the kernel
  is shared. A virtual machine is the answer to an attacker who knows such a vulnerability.
- The folders that stay readable: the interpreter's, the environment's, /usr. Keep no labels, solutions or passwords
  in them, nor in a `readable` folder.
- What the code computes and prints. Treat its output as untrusted data.
- Timing and other side channels, and slowing down other processes within its own share of one core.
- Without bubblewrap (`Tier.LANDLOCK`): names, sizes and dates of files elsewhere can be learnt, though not their
  content; and between its start and `lockdown()`, while only the grader's own code runs, the process is not isolated.
- With `threads` above 1, the number of threads is limited for an ordinary user under bubblewrap only; memory limits
  it elsewhere. With 1, the default, there can be no second thread.
- A process that is shown a GPU (`gpu`; the trainer alone) talks to its driver, which runs in the kernel, and shares the
  GPU with whatever else uses it.
- `Tier.NONE` covers nothing: there are only the limits of time and output.
"""

from autograder.sandbox.fork_server import ForkServer, ForkServerProcess
from autograder.sandbox.gpu import GPUAccess, gpu_access, gpu_problem
from autograder.sandbox.limits import Limits, SandboxResult, Tier
from autograder.sandbox.lockdown import lockdown, lockdown_notebook_kernel
from autograder.sandbox.namespaces import bubblewrap, environment, readable_paths
from autograder.sandbox.probe import best_tier, choose_tier, tier_problem
from autograder.sandbox.supervisor import ChildProcess, last_stderr_line, run

__all__ = [
    "ChildProcess",
    "ForkServer",
    "ForkServerProcess",
    "GPUAccess",
    "Limits",
    "SandboxResult",
    "Tier",
    "best_tier",
    "bubblewrap",
    "choose_tier",
    "environment",
    "gpu_access",
    "gpu_problem",
    "last_stderr_line",
    "lockdown",
    "lockdown_notebook_kernel",
    "readable_paths",
    "run",
    "tier_problem",
]
