"""`python -m autograder.bench.gpu`: all stages, most important first."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
import sys
from pathlib import Path

import click
import torch

from autograder import sandbox
from autograder.bench.gpu import accuracies, grading, numerics, throughput
from autograder.bench.gpu.setting import FULL, TRIAL, Setting
from autograder.bench.gpu.stages import Results, Stage, Task, load, run_stages, table
from autograder.console import report_errors
from autograder.store.records import software_versions
from course.training.devices import choose_device
from course.training.hardware import processor_name


def machine(setting: Setting) -> list[Task]:
    """The machine, its driver, and the versions."""
    return [("machine", lambda: _machine(setting.device))]


def _machine(device: torch.device) -> Results:
    results: Results = {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "processor": processor_name(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "isolation": sandbox.best_tier().value,
        **software_versions(),
    }
    if device.type != "cuda":
        return results | {"device": "CPU: a trial of the stages, not a measurement of a GPU"}
    properties = torch.cuda.get_device_properties(device)
    query = ["nvidia-smi", "--query-gpu=driver_version,clocks.sm,clocks.mem,power.limit", "--format=csv,noheader"]
    try:
        driver = subprocess.run(query, capture_output=True, text=True, timeout=30).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        driver = "nvidia-smi does not answer"
    return results | {
        "device": properties.name,
        "gigabytes": properties.total_memory / 1e9,
        "multiprocessors": properties.multi_processor_count,
        "capability": f"{properties.major}.{properties.minor}",
        "CUDA": torch.version.cuda,
        "cuDNN": torch.backends.cudnn.version(),
        "driver, clocks, power": driver,
    }


STAGES = [
    Stage("a_machine", "which machine is it?", 1, machine),
    Stage("b_right", "how far from float64 are losses, gradients and transforms?", 15, numerics.right),
    Stage("c_repeatable", "does a seed give the same bits again, also after a restart?", 15, numerics.repeatable),
    Stage("d_no_wait", "does a step never wait for the device?", 5, numerics.no_wait),
    Stage("e_graded", "how long does a grading take, start to end?", 25, grading.graded),
    Stage("f_fast", "how many seconds takes an epoch, each way, alone and several at once?", 24, throughput.fast),
    Stage("g_same_course", "do the lessons' recipes hold their limits here?", 15, accuracies.same_course),
]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--minutes", type=click.FloatRange(min=0), default=8, show_default=True, help="When to end, about.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("build/bench-gpu"),
    show_default=True,
    help="The folder for a JSON file of each stage. What it has already is not measured again.",
)
@click.option(
    "--device",
    type=click.Choice(["cuda", "cpu"]),
    default="cuda",
    show_default=True,
    help="cpu runs every stage on small data, to prove that it works: its numbers say nothing about a GPU.",
)
@click.option(
    "--course",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar="UNDER8K_BUNDLE",
    default=Path("."),
    show_default="this folder, or the bundle that runs this",
    help="A clone of the repository, or a bundle.",
)
@click.option("--stage", "chosen", multiple=True, metavar="LETTER", help="Only this stage, a to g; may be repeated.")
@report_errors
def main(minutes: float, out: Path, device: str, course: Path, chosen: tuple[str, ...]) -> None:
    """Measure what a GPU does with this course. It needs no network, and no bubblewrap.

    Stages, most important first: (a) the machine, (b) right: losses, gradients and transforms beside float64 and a CPU,
    (c) repeatable: the same bits again, and after a restart, (d) no step waits for the device, (e) the worked solutions
    graded in full, (f) fast: each way a step can run, alone and several at once, beside the published loop, (g) the
    same course: accuracies beside a CPU's.

    Each number is written as soon as it is known, errors with their traceback, so a run that is cut off still tells,
    and the same command goes on. All that is known is printed last.
    """
    if unknown := [letter for letter in chosen if letter not in "abcdefg"]:
        raise click.BadParameter(f"There is no stage {unknown[0]!r}. The stages are a to g.")
    stages = [stage for stage in STAGES if not chosen or stage.name[0] in chosen]
    setting = Setting(choose_device(device), course.resolve(), FULL if device == "cuda" else TRIAL)
    setting.solution("challenge")
    out.mkdir(parents=True, exist_ok=True)
    run_stages(stages, setting, out, 60 * minutes, click.echo)
    click.echo(f"\nAll that is known, from {out}:\n\n{table(STAGES, out)}")
    failed = [name for stage in stages for name, results in load(stage, out).items() if "error" in results]
    if failed:
        click.echo(
            f"\n{len(failed)} measurements failed: {', '.join(failed)}. The files have the tracebacks.", err=True
        )
        sys.exit(1)


if __name__ == "__main__":
    main(prog_name="python -m autograder.bench.gpu")
