"""Each lesson as a page with its pictures: build/preview/<lesson>.html, and an index beside them.

    python -m autograder.authoring.preview                     # the worked notebooks in solutions/
    python -m autograder.authoring.preview --of release        # what students get

A page is one file: pictures are inside it. Nothing is run.
"""

from __future__ import annotations

import html
from pathlib import Path

import click
import nbformat
from nbconvert import HTMLExporter

from autograder.authoring import lessons
from autograder.authoring.lessons import ROOT
from autograder.console import report_errors
from course.errors import UsageError
from course.files import write_atomically

STEPS = ("solutions", "release", "source")
FOLDER = Path("build") / "preview"


def page(path: Path) -> str:
    """The notebook as HTML. Links between lessons lead to the pages beside it."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for lesson in lessons.lessons():
                cell.source = cell.source.replace(f"(../{lesson}/{lesson}.ipynb)", f"({lesson}.html)")
    # nothing is loaded from elsewhere: the lessons have neither formulas nor widgets
    elsewhere = dict.fromkeys(("mathjax_url", "require_js_url", "mermaid_js_url"), "")
    exporter = HTMLExporter(template_name="lab", embed_images=True, **elsewhere)
    text, _ = exporter.from_notebook_node(notebook, resources={"metadata": {"name": path.stem}})
    return text


def title(path: Path) -> str:
    """The first heading of the notebook."""
    first = nbformat.read(path, as_version=4).cells[0].source
    return first.partition("\n")[0].lstrip("# ")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@lessons.lesson_argument
@click.option("--of", "step", type=click.Choice(STEPS), default="solutions", show_default=True, help="Which notebooks.")
@report_errors
def main(chosen: tuple[str, ...], step: str) -> None:
    """Write the lessons as pages to look at in a browser."""
    rows = []
    for lesson in lessons.chosen_or_all(chosen):
        path = lessons.notebook(ROOT, step, lesson)
        if not path.exists():
            made = {"solutions": "solutions", "release": "release"}.get(step)
            raise UsageError(f"{path.relative_to(ROOT)} is missing: run `make {made}`, or name other lessons.")
        write_atomically(ROOT / FOLDER / f"{lesson}.html", page(path))
        rows.append(f'<li><a href="{lesson}.html">{html.escape(title(path))}</a></li>')
        click.echo(f"{FOLDER / lesson}.html")
    index = f'<!doctype html><meta charset="utf-8"><title>Under 8k</title><ul>{"".join(rows)}</ul>\n'
    write_atomically(ROOT / FOLDER / "index.html", index)
    click.echo(f"{FOLDER}/index.html")


if __name__ == "__main__":
    main()
