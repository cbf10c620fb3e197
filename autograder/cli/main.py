"""The command `autograder`. Modules that need PyTorch are imported when a command needs them: help is quick."""

from __future__ import annotations

import functools
import json
import sys
from contextlib import nullcontext
from pathlib import Path

import click

from autograder.console import INTERNAL, INTERRUPTED, report_errors

EXIT_CODES = {"pass": 0, "internal": INTERNAL}  # every other verdict: 1

file_argument = click.argument("file", type=click.Path(path_type=Path))
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else on stdout.")
assignment_option = click.option(
    "--assignment", default="challenge", show_default=True, help="Whose rules hold; see course/rules.toml."
)
graphs_option = click.option(
    "--cuda-graphs", is_flag=True, help="On CUDA, record a step once and replay it. Not measured yet."
)
trust_option = click.option(
    "--trust-submissions",
    is_flag=True,
    help="Grade without isolation where none works. For code you would run yourself; the result says so.",
)


store_option = click.option(
    "--store",
    "store_url",
    metavar="URL",
    help="Where results are kept: a file's path, or postgresql://user@host/name.  "
    "[default: $UNDER8K_STORE, or a file in your data folder]",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="under8k")
def main() -> None:
    """Finds out whether a network with fewer than 8,000 parameters really holds 99.40 % on MNIST.

    Start with `autograder doctor`, which says what this machine offers and what is missing.
    """


@main.command()
@file_argument
@assignment_option
@click.option("--device", default="auto", show_default=True, help="auto (CUDA where there is one), cpu or cuda.")
@graphs_option
@click.option("--seeds", type=click.IntRange(1, 9), help="Train at most so many seeds.  [default: as the rules say]")
@click.option(
    "--max-minutes",
    default=120.0,
    show_default=True,
    help="Refuse a run that its first steps project to take longer.",
)
@click.option("--quick", is_flag=True, help="One epoch on a tenth of the data: a trial of the way, never official.")
@click.option("--student", help="Whose attempt this is.  [default: as nbgrader's folders say]")
@store_option
@click.option("--no-store", is_flag=True, help="Train whatever was trained before, and keep no result.")
@trust_option
@as_json
@report_errors
def grade(
    file: Path,
    assignment: str,
    device: str,
    cuda_graphs: bool,
    seeds: int | None,
    max_minutes: float,
    quick: bool,
    student: str | None,
    store_url: str | None,
    no_store: bool,
    trust_submissions: bool,
    as_json: bool,
):
    """Train the recipe in FILE under seeds of the grader's own, and print the verdict.

    FILE is a notebook, of which only the cell with the grade_id "recipe" is read, or a Python file; either binds
    `recipe`. A run that was interrupted goes on from its last finished epoch, and a recipe that was trained before is
    answered from the store in seconds: seeds do not change, so training again would say the same.

    Exit code: 0 pass, 1 not passed, 2 wrong use, 3 an error of the grader's.
    """
    from autograder.cli import terminal
    from autograder.grading.options import SMOKE_RUN, Options
    from autograder.grading.pipeline import grade as grade_file
    from autograder.grading.recorder import student_of
    from autograder.store import open_store

    options = Options(
        assignment=assignment,
        device=device,
        cuda_graphs=cuda_graphs,
        seeds=seeds,
        trust_submissions=trust_submissions,
        max_minutes=max_minutes,
        reduced=SMOKE_RUN if quick else None,
    )
    with terminal.Terminal(quiet=as_json) as listener, nullcontext() if no_store else open_store(store_url) as store:
        result = grade_file(file, options, listener, store=store, student=student or student_of(file))
    if as_json:
        click.echo(json.dumps(result.to_dict(), indent=2))
    else:
        terminal.verdict(result)
    sys.exit(EXIT_CODES.get(result.verdict, 1))


@main.command()
@file_argument
@assignment_option
@trust_option
@as_json
@report_errors
def inspect(file: Path, assignment: str, trust_submissions: bool, as_json: bool):
    """Everything about the recipe in FILE that needs no training: parameters, work, receptive field, broken rules.

    Exit code: 0 it may be trained, 1 it would be refused, 2 wrong use, 3 an error of the grader's.
    """
    from autograder.cli import terminal
    from autograder.grading.options import Options
    from autograder.grading.pipeline import inspect_only

    with terminal.Terminal(quiet=as_json) as listener:
        result = inspect_only(file, Options(assignment=assignment, trust_submissions=trust_submissions), listener)
    if as_json:
        click.echo(json.dumps(result.to_dict(), indent=2))
    else:
        terminal.inspection(result)
    sys.exit({"internal": INTERNAL}.get(result.verdict, 1) if result.reasons else 0)


def class_options(command):
    """What `batch` and `regrade` have in common."""
    options = [
        click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path)),
        click.option("--assignment", help="Grade this one alone.  [default: as the folders say, else challenge]"),
        click.option(
            "--jobs", default="auto", show_default=True, help="Runs at once; auto: one to a core, 4 to a GPU."
        ),
        click.option(
            "--device", default="auto", show_default=True, help="auto (CUDA where there is one), cpu or cuda."
        ),
        graphs_option,
        click.option(
            "--seeds", type=click.IntRange(1, 9), help="Train at most so many seeds.  [default: by the rules]"
        ),
        click.option("--max-minutes", default=120.0, show_default=True, help="Refuse a run that would take longer."),
        click.option(
            "--reduced",
            metavar="EPOCHS/TRAIN/TEST",
            help="Reduce every run to so many epochs and images, to try a batch out: never official.",
        ),
        click.option(
            "--ray",
            "ray_address",
            metavar="ADDRESS",
            help="Grade on a Ray cluster, host:port or auto; its machines and this one share a PostgreSQL store.",
        ),
        store_option,
        trust_option,
        as_json,
    ]
    return functools.reduce(lambda made, option: option(made), reversed(options), command)


@main.command()
@class_options
@report_errors
def batch(**given):
    """Grade a class: every submission in FOLDERS that is not graded yet, several at a time.

    A folder is a course, or its `submitted`, in nbgrader's layout (submitted/<student>/<assignment>/<file>); of any
    other folder each file is a submission, called after its student. Results are kept in the store as they come. Start
    the same command again after an interruption: it goes on where it was. Two at once on one store share the work.

    Exit code: 0 every submission has its verdict, 2 wrong use, 3 some could not be graded, by a fault that is not
    theirs, 130 interrupted.
    """
    _grade_class(**given)


@main.command()
@class_options
@click.option("--student", "students", multiple=True, help="Regrade this one; may be given several times.")
@click.option("--verdict", "verdicts", multiple=True, help="Regrade those who have this verdict now, e.g. borderline.")
@click.option("--everybody", is_flag=True, help="Regrade all in FOLDERS.")
@click.option("--reason", required=True, help="Why; it is kept with the new runs and verdicts.")
@report_errors
def regrade(students: tuple[str, ...], verdicts: tuple[str, ...], everybody: bool, reason: str, **given):
    """Train chosen submissions in FOLDERS again, and keep why.

    The seeds stay: they are drawn from the recipe, so that asking again is no way to a luckier one. On the machine that
    trained it first a recipe comes out the same. Use it when something was wrong with a machine, or --seeds N for more
    seeds. What was kept before stays in the store; the new verdict counts.

    Exit code: as for batch.
    """
    from datetime import UTC, datetime

    from autograder.store import Regrade

    if not (students or verdicts or everybody):
        raise click.UsageError("Say which: --student NAME, --verdict WORD or --everybody.")
    chosen = None if everybody else (set(students), set(verdicts))
    _grade_class(**given, regrade=Regrade(reason, datetime.now(UTC)), chosen=chosen)


def _grade_class(
    folders: tuple[Path, ...],
    assignment: str | None,
    jobs: str,
    device: str,
    cuda_graphs: bool,
    seeds: int | None,
    max_minutes: float,
    reduced: str | None,
    ray_address: str | None,
    store_url: str | None,
    trust_submissions: bool,
    as_json: bool,
    regrade=None,
    chosen=None,
) -> None:
    from autograder.batch.local import register_all, run_batch, select_submissions
    from autograder.batch.submissions import find_submissions
    from autograder.cli.progress import BatchProgress, print_summary
    from autograder.grading.options import Options, ReducedRun
    from autograder.store import open_store

    run = run_batch
    if ray_address:
        from autograder.batch.ray_cluster import run_on_ray

        run = functools.partial(run_on_ray, ray_address)
    options = Options(
        device=device,
        cuda_graphs=cuda_graphs,
        seeds=seeds,
        trust_submissions=trust_submissions,
        max_minutes=max_minutes,
        reduced=ReducedRun.parse(reduced) if reduced else None,
    )
    found = find_submissions(folders, assignment, options.assignment)
    for note in found.notes:
        click.secho(note, err=True, fg="yellow")
    with open_store(store_url) as store:
        submissions = select_submissions(found.submissions, store, *chosen) if chosen else found.submissions
        at_once = None if jobs == "auto" else click.IntRange(1).convert(jobs, None, None)
        try:
            register_all(submissions, store)
            with BatchProgress(len(submissions), quiet=as_json) as progress:
                summary = run(submissions, options, store, progress, jobs=at_once, regrade=regrade)
        except KeyboardInterrupt:
            click.echo("Stopped. What is finished is kept; the same command goes on.", err=True)
            sys.exit(INTERRUPTED)
        if as_json:
            click.echo(json.dumps(summary.to_dict(), indent=2))
        else:
            print_summary(summary, store.results.shared_recipes(assignment), store.name)
    sys.exit(INTERNAL if "internal" in summary.verdicts else 0)


@main.command()
@click.argument("assignment", default="challenge")
@click.option("--html", type=click.Path(path_type=Path), help="Write a page for students, with pseudonyms.")
@click.option("--csv", type=click.Path(path_type=Path), help="Write all columns, with names beside pseudonyms.")
@click.option("--best", type=click.IntRange(0), help="The students' page shows the best so many.  [default: all]")
@click.option("--settings", type=click.Path(path_type=Path), help="A TOML file: the order of the ranking, and best.")
@store_option
@report_errors
def leaderboard(
    assignment: str, html: Path | None, csv: Path | None, best: int | None, settings: Path | None, store_url: str | None
):
    """Who stands where: a table here, or files with --html and --csv. In a browser: `jupyter leaderboard`.

    The page that --html writes holds everything it shows and nothing that names a student: pseudonyms stay the same
    from page to page, and --csv says whose they are.

    Exit code: 0, 2 wrong use, 3 the store cannot be read.
    """
    from rich.console import Console

    from autograder.leaderboard import export
    from autograder.leaderboard.class_state import ClassState
    from autograder.leaderboard.settings import read_settings
    from autograder.store import open_store
    from course.rules import load_rules

    given = read_settings(settings)
    load_rules(assignment)
    with open_store(store_url) as store:
        classroom = ClassState(store, given)
        classroom.refresh()
    rows = classroom.table(assignment).rows
    if html:
        html.write_text(export.for_students(rows, assignment, given.best if best is None else best), encoding="utf-8")
        click.echo(f"Written for students: {html}")
    if csv:
        csv.write_text(export.as_csv(rows), encoding="utf-8", newline="")
        click.echo(f"Written with names: {csv}")
    if not (html or csv):
        Console(highlight=False).print(export.for_terminal(rows, assignment))


@main.command()
@store_option
@click.option("--end", "noted", metavar="MAC", help="An end of the chain that was noted earlier and must be in it.")
@report_errors
def verify(store_url: str | None, noted: str | None):
    """Check that no record in the store was changed, deleted, moved or added behind its back.

    Note the end that is printed somewhere else: with --end it also shows an older copy put in the store's place.

    Exit code: 0 all is as it was written, 1 something is not, 2 wrong use, 3 the store cannot be read.
    """
    from autograder.store import open_store

    with open_store(store_url) as store:
        findings = list(store.verify(noted))
        for finding in findings:
            click.secho(finding, fg="red")
        records, end = store.chain_end()
        if not findings:
            click.secho(f"All {records:,} records of {store.name} are as they were written.", fg="green")
        click.echo(f"end of the chain: {end}")
    sys.exit(1 if findings else 0)


@main.command()
@report_errors
def data():
    """Fetch MNIST, or check the copy that is there, and print its folder."""
    from course.data import ensure

    click.echo(ensure())


@main.command()
@as_json
@report_errors
def doctor(as_json: bool):
    """What this machine offers for grading, and what to do about what is missing.

    Exit code: 0 ready to grade, 1 something is missing.
    """
    from autograder.cli.doctor import examine

    findings = examine()
    if as_json:
        click.echo(json.dumps([finding.to_dict() for finding in findings], indent=2))
    else:
        for finding in findings:
            mark = click.style("ok  ", fg="green") if finding.ok else click.style("miss", fg="yellow")
            click.echo(
                f"{mark} {finding.name:<10} {finding.text}" + (f"\n{'':16}{finding.remedy}" if finding.remedy else "")
            )
    sys.exit(0 if all(f.ok or not f.needed for f in findings) else 1)


if __name__ == "__main__":
    main()
