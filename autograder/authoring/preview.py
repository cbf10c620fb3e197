"""Each lesson as a web page with its pictures: build/preview/<lesson>.html, and an index.

    python -m autograder.authoring preview                     # the worked notebooks in solutions/
    python -m autograder.authoring preview --of release        # what students get

A page is a single file that contains its pictures. Nothing is executed.
"""

from __future__ import annotations

import html
from pathlib import Path

import click
import nbformat
from nbconvert import HTMLExporter

from autograder.authoring import lessons
from autograder.authoring.lessons import chosen_or_all, lesson_argument
from autograder.console import report_errors
from autograder.gradebook.new_course.lessons import lesson_names, notebook_path
from course.errors import UsageError
from course.files import write_atomically

STAGES = ("solutions", "release", "source")
FOLDER = Path("build") / "preview"


def to_html(path: Path) -> str:
    """The notebook as one HTML file; links to other lessons lead to their pages."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for lesson in lesson_names(lessons.ROOT):
                cell.source = cell.source.replace(f"(../{lesson}/{lesson}.ipynb)", f"({lesson}.html)")
    # these libraries would be loaded from other servers, and the lessons have neither formulas nor widgets
    no_libraries = dict.fromkeys(("mathjax_url", "require_js_url", "mermaid_js_url"), "")
    exporter = HTMLExporter(template_name="lab", embed_images=True, **no_libraries)
    page: str = exporter.from_notebook_node(notebook, resources={"metadata": {"name": path.stem}})[0]
    return page


def title_of(path: Path) -> str:
    """The first heading of the notebook."""
    first_line: str = nbformat.read(path, as_version=4).cells[0].source.partition("\n")[0]
    return first_line.lstrip("# ")


@click.command()
@lesson_argument
@click.option(
    "--of", "stage", type=click.Choice(STAGES), default="solutions", show_default=True, help="The notebooks to show."
)
@report_errors
def preview(chosen: tuple[str, ...], stage: str) -> None:
    """Write each lesson as a web page to build/preview. Nothing is executed."""
    root, links = lessons.ROOT, []
    for lesson in chosen_or_all(chosen):
        path = notebook_path(root, stage, lesson)
        if not path.exists():
            raise UsageError(f"{path.relative_to(root)} is missing: run `make {stage}`, or name other lessons.")
        write_atomically(root / FOLDER / f"{lesson}.html", to_html(path))
        links.append(f'<li><a href="{lesson}.html">{html.escape(title_of(path))}</a></li>')
        click.echo(f"{FOLDER / lesson}.html")
    index = f'<!doctype html><meta charset="utf-8"><title>Under 8k</title><ul>{"".join(links)}</ul>\n'
    write_atomically(root / FOLDER / "index.html", index)
    click.echo(f"{FOLDER}/index.html")
